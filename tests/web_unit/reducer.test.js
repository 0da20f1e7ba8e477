// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isLater,
  messageOf,
  reduceLog,
  refreshed,
  resetLog,
  TAIL_MAX,
  UNOPENED_TAIL_MAX,
  VIEW_MAX,
} from '../../web/app/reducer.js';
import { countUnread, emptyLog } from '../../web/app/store.js';
import { randomOf } from './random.js';

const ME = 1;
const at = (seq) => `2026-01-31T12:00:00.${String(seq).padStart(6, '0')}Z`;
const created = (seq, id = seq, more = {}) => ({
  type: 'message.created',
  channel_id: 5,
  id,
  seq,
  content: `text ${id}`,
  author_id: 2,
  author_username: 'june',
  created_at: at(seq),
  updated_at: at(seq),
  ...more,
});
const reaction = (type, seq, message_id, user_id, emoji) => ({ type, channel_id: 5, seq, message_id, user_id, emoji });
const start = (seq = 0) => ({ ...emptyLog(5), seq, is_loaded: true, tail_has_older: false });

/** @param {any} log @param {any[]} frames */
function run(log, frames) {
  const effects = [];
  for (const frame of frames) {
    const result = reduceLog(log, frame, ME);
    log = result.log;
    effects.push(...result.effects);
  }
  return { log, effects };
}

/** A log of every kind of entry, and what is there in the end. */
function recordedLog(length, random) {
  const entries = [];
  const messages = new Map();
  for (let seq = 1; entries.length < length; seq++) {
    const ids = [...messages.keys()];
    const id = ids[Math.floor(random() * ids.length)];
    const kind = ids.length ? Math.floor(random() * 10) : 0;
    if (kind < 4) {
      entries.push(created(seq));
      messages.set(seq, { content: `text ${seq}`, reactions: new Map(), pinned: false });
    } else if (kind === 4) {
      entries.push({
        ...created(seq, id),
        type: 'message.updated',
        content: `edit ${seq}`,
        message_seq: id,
        edited_at: at(seq),
      });
      messages.get(id).content = `edit ${seq}`;
    } else if (kind === 5) {
      entries.push({ type: 'message.deleted', channel_id: 5, seq, id, message_seq: id, deleted_by: 2 });
      messages.delete(id);
    } else if (kind === 6) {
      entries.push({ type: 'message.pinned', channel_id: 5, seq, message_id: id, user_id: 2 });
      messages.get(id).pinned = true;
    } else if (kind === 7) {
      entries.push({ type: 'skipped', channel_id: 5, from: seq, to: seq + 2 });
      seq += 2;
    } else {
      const user = 1 + Math.floor(random() * 3);
      const emoji = random() < 0.5 ? '👍' : '🎉';
      const of = messages.get(id).reactions;
      const users = of.get(emoji) ?? new Set();
      const isThere = users.has(user);
      entries.push(reaction(isThere ? 'reaction.removed' : 'reaction.added', seq, id, user, emoji));
      if (isThere) users.delete(user);
      else users.add(user);
      if (users.size) of.set(emoji, users);
      else of.delete(emoji);
    }
  }
  return { entries, messages };
}

const shape = (messages) =>
  messages.map(({ id, content, pinned = false, reactions }) => ({ id, content, pinned, reactions }));
const expected = (messages) =>
  [...messages].slice(-TAIL_MAX).map(([id, { content, pinned, reactions }]) => ({
    id,
    content,
    pinned,
    reactions: [...reactions].map(([emoji, users]) => ({ emoji, count: users.size, me: users.has(ME) })),
  }));

test('a log that is told in any split, with any repetition, ends the same', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { below } = randomOf(seed);
    const random = () => below(2 ** 20) / 2 ** 20;
    const { entries, messages } = recordedLog(20 + Math.floor(random() * 500), random);
    let log = start();
    for (let from = 0; from < entries.length;) {
      const to = from + 1 + Math.floor(random() * 40);
      log = run(log, entries.slice(Math.max(0, from - Math.floor(random() * 60)), to)).log;
      from = to;
    }
    assert.equal(log.seq, entries.at(-1).to ?? entries.at(-1).seq);
    assert.deepEqual(shape(log.tail), expected(messages), `seed ${seed}`);
  }
});

test('an entry behind a gap is not shown, and asks for what is between', () => {
  const { log } = run(start(), [created(1)]);
  const result = reduceLog(log, created(3), ME);
  assert.equal(result.log, log);
  assert.equal(result.is_gap, true);
  assert.deepEqual(result.effects, [{ repair: 5 }]);
  const whole = run(log, [created(2), created(3)]).log;
  assert.deepEqual(
    whole.tail.map(({ id }) => id),
    [1, 2, 3],
  );
});

test('skipped numbers count, and what joins them is no gap', () => {
  const { log, effects } = run(start(), [{ type: 'skipped', channel_id: 5, from: 1, to: 4 }, created(5)]);
  assert.equal(log.seq, 5);
  assert.deepEqual(effects, []);
});

test('an entry of a type that is not known counts', () => {
  const { log, effects } = run(start(), [{ type: 'topic.changed', channel_id: 5, seq: 1 }, created(2)]);
  assert.equal(log.seq, 2);
  assert.deepEqual(effects, []);
});

test('answers are no entries', () => {
  const answers = [
    { type: 'ack', nonce: 'a', channel_id: 5, id: 1, seq: 1 },
    { type: 'subscribed', channel_id: 5, seq: 9 },
    { type: 'replay.done', channel_id: 5, seq: 0 },
    { type: 'message.delayed', nonce: 'a', channel_id: 5, delay_ms: 1 },
    created(1, 1, { nonce: 'b', author_id: ME, duplicate: true }),
    { type: 'error', code: 'busy', channel_id: 5 },
  ];
  const { log, effects } = run(start(), answers);
  assert.equal(log.seq, 0);
  assert.deepEqual(log.tail, []);
  assert.deepEqual(effects, [{ acknowledged: 'a' }, { acknowledged: 'b' }]);
});

test("one acknowledges one's own sends, not those of others with the same nonce", () => {
  const { effects } = run(start(), [created(1, 1, { nonce: 'a' }), created(2, 2, { nonce: 'b', author_id: ME })]);
  assert.deepEqual(effects, [{ acknowledged: 'b' }]);
});

test('a replay that ends further than was heard is repaired', () => {
  assert.deepEqual(reduceLog(start(3), { type: 'replay.done', channel_id: 5, seq: 4 }, ME).effects, [{ repair: 5 }]);
});

test('what names the epoch of a log is kept with it', () => {
  const fresh = { ...start(3), seq: null };
  assert.equal(reduceLog(fresh, { type: 'subscribed', channel_id: 5, seq: 4, epoch: 'one' }, ME).log.epoch, 'one');
  const known = { ...start(3), epoch: 'one' };
  assert.equal(reduceLog(known, { type: 'replay.done', channel_id: 5, seq: 3, epoch: 'one' }, ME).log, known);
  assert.equal(reduceLog(known, { type: 'replay.done', channel_id: 5, seq: 3, epoch: 'two' }, ME).log.epoch, 'two');
  assert.equal(reduceLog(known, { type: 'resync', channel_id: 5, seq: 1, epoch: 'two' }, ME).log.epoch, 'two');
  assert.equal(reduceLog(known, { type: 'resync', channel_id: 5, seq: 1 }, ME).log.epoch, 'one');
});

test('a log that was set back is read anew', () => {
  const { log } = run(start(), [created(1), created(2)]);
  const result = reduceLog(log, { type: 'resync', channel_id: 5, seq: 1 }, ME);
  assert.deepEqual(result.effects, [{ reload: 5 }]);
  assert.equal(result.log.seq, 1);
  assert.equal(result.log.is_loaded, false);
  assert.deepEqual(result.log.tail, []);
});

test('a tombstone shows nothing', () => {
  const tombstone = { ...created(1), deleted: true, content: '', author_id: null, author_username: '' };
  const { log } = run(start(), [tombstone, created(2)]);
  assert.deepEqual(
    log.tail.map(({ id }) => id),
    [2],
  );
});

test('an edit that is older than what a call has told is passed over', () => {
  const told = messageOf({ ...created(1), content: 'newest', updated_at: at(9) });
  const log = { ...start(1), tail: [told] };
  const older = {
    ...created(2, 1),
    type: 'message.updated',
    content: 'older',
    message_seq: 1,
    updated_at: at(5),
    edited_at: at(5),
  };
  assert.equal(run(log, [older]).log.tail[0].content, 'newest');
});

test('reactions to a message of a page are asked for, never counted on', () => {
  const told = { ...messageOf(created(1)), reactions: [{ emoji: '👍', count: 3, me: false }] };
  const { log, effects } = run({ ...start(1), tail: [told] }, [reaction('reaction.added', 2, 1, 7, '👍')]);
  assert.deepEqual(effects, [{ refresh: 1 }]);
  assert.equal(log.tail[0].reactions[0].count, 3);
  const said = { ...told, reactions: [{ emoji: '👍', count: 4, me: false }] };
  assert.equal(refreshed(log, said).tail[0].reactions[0].count, 4);
});

test('cleared reactions go: one kind, or all', () => {
  const log = run(start(), [
    created(1),
    reaction('reaction.added', 2, 1, ME, '👍'),
    reaction('reaction.added', 3, 1, 2, '🎉'),
    { type: 'reactions.cleared', channel_id: 5, seq: 4, message_id: 1, emoji: '👍', user_id: 2 },
  ]).log;
  assert.deepEqual(log.tail[0].reactions, [{ emoji: '🎉', count: 1, me: false }]);
  const none = run(log, [{ type: 'reactions.cleared', channel_id: 5, seq: 5, message_id: 1, user_id: 2 }]).log;
  assert.deepEqual(none.tail[0].reactions, []);
});

test('the tail, the view and an unopened log are bounded', () => {
  const entries = Array.from({ length: VIEW_MAX + 100 }, (_, index) => created(index + 1));
  const { log } = run({ ...start(), view: { messages: [], has_older: false, has_newer: false } }, entries);
  assert.equal(log.tail.length, TAIL_MAX);
  assert.equal(log.tail_has_older, true);
  assert.equal(log.view.messages.length, VIEW_MAX);
  assert.equal(log.view.has_newer, true);
  assert.equal(run({ ...start(), is_loaded: false }, entries).log.tail.length, UNOPENED_TAIL_MAX);
});

test('pins go with their message, and are read again when there are more', () => {
  const pinned = messageOf(created(1));
  const log = { ...start(1), tail: [pinned], pins: [pinned] };
  const { log: next, effects } = run(log, [
    { type: 'message.pinned', channel_id: 5, seq: 2, message_id: 1, user_id: 2 },
  ]);
  assert.deepEqual(effects, [{ pins: 5 }]);
  assert.equal(next.tail[0].pinned, true);
  assert.deepEqual(
    run(next, [{ type: 'messages.deleted', channel_id: 5, seq: 3, ids: [1], deleted_by: 2 }]).log.pins,
    [],
  );
});

test('times compare whatever the number of their digits', () => {
  assert.ok(isLater('2026-01-31T12:00:00.1Z', '2026-01-31T12:00:00Z'));
  assert.ok(isLater('2026-01-31T12:00:01Z', '2026-01-31T12:00:00.999999Z'));
  assert.ok(!isLater('2026-01-31T12:00:00.10Z', '2026-01-31T12:00:00.100000Z'));
});

test('unread counts the messages of others, and where the log is not known its entries', () => {
  const { log } = run(start(), [
    created(1),
    created(2, 2, { author_id: ME }),
    reaction('reaction.added', 3, 1, 2, '👍'),
    created(4),
  ]);
  assert.deepEqual(countUnread(log, 4, 1, ME), { count: 1, first_seq: 4 });
  assert.deepEqual(countUnread(log, 4, 4, ME), { count: 0, first_seq: null });
  assert.deepEqual(countUnread(resetLog(log, null), 9, 4, ME), { count: 5, first_seq: 5 });
  assert.deepEqual(countUnread(log, 4, undefined, ME), { count: 0, first_seq: null });
});
