// @ts-check
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { listen, takeFrame } from '../../web/app/frames.js';
import { firstUnread, jumpTo } from '../../web/app/pages.js';
import { TAIL_MAX } from '../../web/app/reducer.js';
import { connection, emptyLog, forgetAll, logOf, me } from '../../web/app/store.js';

const CHANNEL = 1;
const ME = 7;

/** @param {number} seq @param {object} [more] */
const message = (seq, more = {}) => {
  const at = new Date(seq * 1_000).toISOString();
  const said = { content: `${seq}`, created_at: at, updated_at: at, reactions: [] };
  return { id: seq * 10, seq, channel_id: CHANNEL, author_id: 2, author_username: 'june', ...said, ...more };
};

/** What was asked, and what is answered by path. @type {string[]} */
let asked = [];
/** @type {Record<string, [number, any]>} */
let answers = {};

beforeEach(() => {
  forgetAll();
  asked = [];
  answers = {};
  Object.assign(globalThis, { document: { baseURI: 'http://localhost/' }, addEventListener: () => {} });
  globalThis.fetch = async (url) => {
    const path = String(url).slice('http://localhost/'.length);
    asked.push(path);
    const [status, body] = answers[path] ?? [404, { code: 'message_not_found', detail: 'gone' }];
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
  };
  const quiet = () => {};
  listen({ effect: quiet, gone: quiet, left: quiet, hidden: quiet, changed: quiet, news: quiet, met: quiet, stranger: quiet });
  me.value = /** @type {any} */ ({ id: ME, username: 'mina', display_name: null, avatar_url: null });
  connection.value = { state: 'live' };
  // What the disk has kept.
  const tail = [message(1), message(2)];
  logOf(CHANNEL).value = { ...emptyLog(CHANNEL), seq: 2, tail, tail_has_older: false, is_loaded: true };
});

/** The ids that are shown. */
const shown = () => (logOf(CHANNEL).peek().view?.messages ?? logOf(CHANNEL).peek().tail).map(({ id }) => id);

test('a message that is shown stays, whatever comes after it', async () => {
  assert.equal(await jumpTo(CHANNEL, 10), false);
  assert.deepEqual(asked, []);
  for (let seq = 3; seq <= 3 + TAIL_MAX; seq++) takeFrame({ type: 'message.created', ...message(seq) });
  assert.equal(shown()[0], 10);
});

test('before the page has caught up, nothing that was kept is taken for what there is', async () => {
  connection.value = { state: 'connecting' };
  answers['channels/1/messages?around=20&limit=50'] = [200, [message(1)]];
  const jump = jumpTo(CHANNEL, 20);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(asked, []);
  connection.value = { state: 'live' };
  assert.equal(await jump, true);
  assert.deepEqual(asked, ['channels/1/messages?around=20&limit=50']);
});

test('what is not shown is read with what is around it, and missed where it is gone', async () => {
  logOf(CHANNEL).value = { ...logOf(CHANNEL).peek(), seq: 500, tail: [message(500)], tail_has_older: true };
  const page = [message(8), message(10), message(11)];
  for (const id of [100, 90]) answers[`channels/1/messages?around=${id}&limit=50`] = [200, page];
  assert.equal(await jumpTo(CHANNEL, 100), false);
  assert.deepEqual(shown(), [80, 100, 110]);
  assert.equal(await jumpTo(CHANNEL, 90), true);
  assert.deepEqual(shown(), [80, 100, 110]);
});

test('what is no answer is no proof that a message is gone', async () => {
  answers['channels/1/messages?around=90&limit=50'] = [500, { code: 'internal_error', detail: 'broken' }];
  assert.equal(await jumpTo(CHANNEL, 90), false);
  assert.equal(logOf(CHANNEL).peek().error?.code, 'internal_error');
});

test('the first unread message is the first of somebody else that is there still', async () => {
  const created = (/** @type {number} */ seq, /** @type {object} */ more = {}) => ({
    type: 'message.created',
    ...message(seq, more),
  });
  const first = [created(3, { author_id: ME }), created(4, { deleted: true }), { type: 'skipped', from: 5, to: 6 }];
  answers['channels/1/events?after=2&limit=500'] = [200, { events: first, last_seq: 9 }];
  const then = [{ type: 'reaction.added', channel_id: CHANNEL, seq: 7 }, created(8), created(9)];
  answers['channels/1/events?after=6&limit=500'] = [200, { events: then, last_seq: 9 }];
  assert.equal((await firstUnread(CHANNEL, 3))?.id, 80);
  answers['channels/1/events?after=9&limit=500'] = [200, { events: [], last_seq: 9 }];
  assert.equal(await firstUnread(CHANNEL, 10), null);
});
