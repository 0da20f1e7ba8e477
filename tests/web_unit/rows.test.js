// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dividerAfter, originalsIn, rowsOf } from '../../web/app/views/rows.js';

const START = new Date(2026, 0, 31, 12, 0, 0).getTime();
const ME = 1;

/** @param {number} seq @param {number | null} author_id @param {number} minutes after noon @param {object} [more] */
const message = (seq, author_id, minutes, more = {}) => {
  const created_at = new Date(START + minutes * 60_000).toISOString();
  const author = { author_id, author_username: author_id ? `user${author_id}` : '' };
  const said = { content: `${seq}`, created_at, updated_at: created_at, reactions: [] };
  return { id: seq * 10, seq, channel_id: 1, ...said, ...author, ...more };
};

/** @param {number} minutes after noon, by the clock of the browser */
const waiting = (minutes) => [
  { nonce: 'w', channel_id: 1, content: 'w', created_at_ms: START + minutes * 60_000, order: 1, state: 'sending' },
];

/**
 * @param {any[]} messages
 * @param {{pending?: any[], unreadSeq?: number | null, hasOlder?: boolean, aheadMs?: number}} [more]
 */
const shown = (messages, { pending = [], unreadSeq = null, ...more } = {}) =>
  rowsOf({ messages, pending, meId: ME, unreadSeq, ...more }).map((row) =>
    row.kind === 'day' || row.kind === 'unread' ? row.kind : `${row.key}${row.isFirst ? ' first' : ''}`,
  );

test('messages of one author within five minutes stand together', () => {
  const messages = [message(1, 2, 0), message(2, 2, 4), message(3, 2, 10), message(4, 3, 11), message(5, 3, 11)];
  assert.deepEqual(shown(messages), ['day', 'm10 first', 'm20', 'm30 first', 'm40 first', 'm50']);
});

test('messages of erased accounts do not stand together: nobody knows whose they are', () => {
  assert.deepEqual(shown([message(1, null, 0), message(2, null, 0)]), ['day', 'm10 first', 'm20 first']);
});

test('each day begins with a divider, and a group with it', () => {
  const messages = [message(1, 2, 12 * 60 - 1), message(2, 2, 12 * 60)];
  assert.deepEqual(shown(messages), ['day', 'm10 first', 'day', 'm20 first']);
});

test('what is new is divided off once, before the first message of somebody else', () => {
  const messages = [message(1, 2, 0), message(2, ME, 0), message(3, 2, 0), message(4, 2, 0)];
  const rows = shown(messages, { unreadSeq: 2 });
  assert.deepEqual(rows, ['day', 'm10 first', 'm20 first', 'unread', 'm30 first', 'm40']);
});

test('a day that comes once more has a row of its own', () => {
  const messages = [message(1, 2, 12 * 60 - 1), message(2, 2, 12 * 60), message(3, 2, 12 * 60 - 1)];
  const keys = rowsOf({ messages, pending: [], meId: ME, unreadSeq: null }).map(({ key }) => key);
  assert.equal(keys.length, 6);
  assert.equal(new Set(keys).size, keys.length, `${keys}`);
});

test('what is on its way goes with what was said before, however wrong the clock of the browser is', () => {
  const messages = [message(1, ME, 0)];
  const said = ['day', 'm10 first', 'nw'];
  assert.deepEqual(shown(messages, { pending: waiting(1) }), said);
  for (const hours of [-12, 1, 24]) {
    const pending = waiting(hours * 60 + 1);
    assert.deepEqual(shown(messages, { pending, aheadMs: hours * 3_600_000 }), said, `${hours} h`);
  }
  assert.deepEqual(shown(messages, { pending: waiting(-12 * 60 - 1) }), said, 'no day is begun again');
});

test('what is new is divided off only where the first of it is known', () => {
  const messages = [message(5, 2, 0), message(6, 2, 0)];
  const rows = ['day', 'm50 first', 'm60'];
  assert.deepEqual(shown(messages, { unreadSeq: 3, hasOlder: true }), rows);
  assert.deepEqual(shown(messages, { unreadSeq: 3 }), ['day', 'unread', ...rows.slice(1)]);
  assert.deepEqual(shown(messages, { unreadSeq: 5, hasOlder: true }), ['day', 'unread', ...rows.slice(1)]);
});

test('a message keeps its row when it is acknowledged', () => {
  const nonce = 'a-nonce';
  /** @type {any[]} */
  const pending = [{ nonce, channel_id: 1, content: '1', created_at_ms: START, order: 1, state: 'sending' }];
  const before = rowsOf({ messages: [], pending, meId: ME, unreadSeq: null });
  const after = rowsOf({ messages: [message(1, ME, 0, { nonce })], pending: [], meId: ME, unreadSeq: null });
  assert.deepEqual(after.map(({ key }) => key), before.map(({ key }) => key));
});

/** @param {number | null} divider @param {object} now */
const after = (divider, now) =>
  dividerAfter(divider, { firstSeq: 9, isFirstLook: false, wasUnread: false, isReading: false, ...now });

test('what is unread at the first look is divided off, whether somebody reads or not', () => {
  assert.equal(after(null, { isFirstLook: true, isReading: true }), 9);
  assert.equal(after(null, { isFirstLook: true, firstSeq: null }), null);
});

test('what comes while nobody reads is divided off anew, from its first message on', () => {
  assert.equal(after(4, {}), 9);
  assert.equal(after(4, { wasUnread: true }), 4, 'it goes on');
  assert.equal(after(4, { firstSeq: null }), 4, 'where nothing is unread it stays for who comes back');
});

test('what comes while somebody reads is not divided off', () => {
  assert.equal(after(null, { isReading: true }), null);
  assert.equal(after(4, { isReading: true }), 4);
});

test('what is answered is gone where all from before it on is loaded without it', () => {
  const messages = [message(5, 2, 0), message(7, 2, 0)];
  const more = originalsIn(messages, true);
  assert.equal(more(70), messages[1]);
  assert.equal(more(60), null);
  assert.equal(more(40), undefined, 'it may lie before');
  assert.equal(more(null), undefined);
  assert.equal(originalsIn(messages, false)(40), null);
  assert.equal(originalsIn([], false)(40), undefined, 'nothing is loaded');
});
