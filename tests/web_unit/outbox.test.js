// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  PENDING_MAX,
  countUnsent,
  createOutbox,
  forgetWritten,
  keepOfDeleted,
  makeNonce,
  setDraft,
  setEdit,
  setReply,
} from '../../web/app/outbox.js';
import { drafts, edits, forgetAll, notices, replies } from '../../web/app/store.js';

/** An outbox with a socket that can be away, and timers that run when asked. */
function setUp() {
  const sent = [];
  const disk = new Map();
  const timers = new Map();
  let isUp = true;
  let pending = new Map();
  let next = 1;
  const outbox = createOutbox({
    transmit: (frame) => isUp && Boolean(sent.push(frame)),
    save: (item) => disk.set(item.nonce, item),
    drop: (nonce) => disk.delete(nonce),
    changed: (all) => void (pending = all),
    setTimer: (run, ms) => timers.set(next, { run, ms }) && next++,
    clearTimer: (timer) => timers.delete(timer),
  });
  const add = (nonce, channel_id = 5, more = {}) => {
    /** @type {any} */
    const item = {
      nonce,
      channel_id,
      content: nonce,
      created_at_ms: 0,
      order: outbox.nextOrder(),
      state: 'sending',
      ...more,
    };
    disk.set(nonce, item);
    return outbox.add(item);
  };
  return {
    outbox,
    sent,
    disk,
    add,
    nonces: () => sent.map(({ nonce }) => nonce),
    pending: () => [...pending.values()].flat(),
    setUp: (value) => void (isUp = value),
    waits: () => [...timers.values()].map(({ ms }) => ms),
    fire: () =>
      [...timers].forEach(([timer, { run }]) => {
        timers.delete(timer);
        run();
      }),
  };
}

test('one send of a channel is on its way at a time, in their order; channels do not wait for one another', () => {
  const { outbox, nonces, add } = setUp();
  outbox.opened();
  for (const nonce of ['a', 'b', 'c']) add(nonce);
  add('x', 6);
  assert.deepEqual(nonces(), ['a', 'x']);
  outbox.acknowledge('a');
  outbox.acknowledge('b');
  assert.deepEqual(nonces(), ['a', 'x', 'b', 'c']);
});

test('what is not acknowledged goes out again, as it was and in order, when the socket is back', () => {
  const { outbox, nonces, sent, add, disk } = setUp();
  add('a', 5, { reply_to: 3 });
  add('b');
  assert.deepEqual(nonces(), []);
  outbox.opened();
  outbox.closed();
  add('c');
  outbox.opened();
  assert.deepEqual(nonces(), ['a', 'a']);
  assert.deepEqual(sent[0], sent[1]);
  assert.deepEqual(sent[0], { type: 'message.send', channel_id: 5, content: 'a', nonce: 'a', reply_to: 3 });
  for (const nonce of ['a', 'b', 'c']) outbox.acknowledge(nonce);
  assert.deepEqual(nonces(), ['a', 'a', 'b', 'c']);
  assert.equal(disk.size, 0);
});

test('an answer that comes twice does no harm', () => {
  const { outbox, nonces, add } = setUp();
  outbox.opened();
  add('a');
  add('b');
  outbox.acknowledge('a');
  outbox.acknowledge('a');
  assert.deepEqual(nonces(), ['a', 'b']);
});

test('an error that says when is waited for, and what comes behind it waits too', () => {
  const { outbox, nonces, add, waits, fire, pending } = setUp();
  outbox.opened();
  add('a');
  add('b');
  outbox.take({ type: 'error', code: 'unavailable', detail: '', nonce: 'a', retry_after_ms: 250 });
  assert.deepEqual(nonces(), ['a']);
  assert.deepEqual(waits(), [250]);
  assert.equal(pending()[0].state, 'sending');
  fire();
  assert.deepEqual(nonces(), ['a', 'a']);
});

test('an error that does not say when fails the send with its reason; the next goes on', () => {
  const { outbox, nonces, add, pending, disk } = setUp();
  outbox.opened();
  add('a');
  add('b');
  outbox.take({ type: 'error', code: 'content_too_long', detail: 'too long', nonce: 'a' });
  const [failed] = pending();
  assert.deepEqual([failed.state, failed.code, failed.detail], ['failed', 'content_too_long', 'too long']);
  assert.equal(disk.get('a').state, 'failed');
  assert.deepEqual(nonces(), ['a', 'b']);
  const again = outbox.again('a');
  assert.equal(again.nonce, 'a');
  assert.equal(again.state, 'sending');
  assert.ok(again.order > failed.order);
});

test('a nonce that names another message is not used again', () => {
  const { outbox, add } = setUp();
  outbox.opened();
  add('a');
  outbox.take({ type: 'error', code: 'nonce_conflict', detail: '', nonce: 'a' });
  assert.notEqual(outbox.again('a').nonce, 'a');
});

test('a reply whose original is gone goes again as no reply, another one as it was', () => {
  const { outbox, add } = setUp();
  outbox.opened();
  add('a', 5, { reply_to: 3 });
  outbox.take({ type: 'error', code: 'reply_to_not_found', detail: '', nonce: 'a' });
  const again = outbox.again('a');
  assert.deepEqual([again.nonce, again.content, 'reply_to' in again], ['a', 'a', false]);
  add('b', 6, { reply_to: 3 });
  outbox.take({ type: 'error', code: 'content_too_long', detail: '', nonce: 'b' });
  assert.equal(outbox.again('b').reply_to, 3);
});

test('an error of the login fails no send', () => {
  const { outbox, add, pending } = setUp();
  outbox.opened();
  add('a');
  outbox.take({ type: 'error', code: 'token_revoked', detail: '', nonce: 'a' });
  assert.equal(pending()[0].state, 'sending');
});

test('a send that waits its turn says for how long, until the socket closes', () => {
  const { outbox, add, pending } = setUp();
  outbox.opened();
  add('a');
  outbox.take({ type: 'message.delayed', channel_id: 5, nonce: 'a', delay_ms: 4000 });
  assert.equal(pending()[0].delay_ms, 4000);
  outbox.closed();
  assert.equal(pending()[0].delay_ms, undefined);
});

test('without any answer a send is made again', () => {
  const { outbox, nonces, add, fire } = setUp();
  outbox.opened();
  add('a');
  fire();
  assert.deepEqual(nonces(), ['a', 'a']);
});

test('a socket that takes nothing keeps the send', () => {
  const { outbox, nonces, add, setUp: set } = setUp();
  outbox.opened();
  set(false);
  add('a');
  set(true);
  outbox.opened();
  assert.deepEqual(nonces(), ['a']);
});

test('a channel keeps so many sends, and no more', () => {
  const { outbox, add } = setUp();
  for (let index = 0; index < PENDING_MAX; index++) assert.ok(add(`n${index}`));
  assert.equal(add('one more'), false);
  assert.ok(add('of another channel', 6));
  assert.equal(outbox.all().length, PENDING_MAX + 1);
});

test('what the disk kept goes out before what is new', () => {
  const { outbox, nonces, add } = setUp();
  add('new');
  outbox.load([{ nonce: 'kept', channel_id: 5, content: 'kept', created_at_ms: 0, order: 1, state: 'sending' }]);
  outbox.opened();
  outbox.acknowledge('kept');
  assert.deepEqual(nonces(), ['kept', 'new']);
});

test('nonces differ and fit', () => {
  const nonces = new Set(Array.from({ length: 1_000 }, makeNonce));
  assert.equal(nonces.size, 1_000);
  for (const nonce of nonces) assert.match(nonce, /^[0-9a-f]{32}$/);
});

test('what another tab has taken back stays on the disk, for that tab may send it again', () => {
  const { outbox, add, disk } = setUp();
  add('a');
  outbox.discard('a', true);
  assert.deepEqual([outbox.all().length, disk.size], [0, 1]);
  add('b');
  outbox.discard('b');
  assert.deepEqual([...disk.keys()], ['a']);
});

test('a channel that goes says which sends it takes with it', () => {
  const { outbox, add } = setUp();
  for (const nonce of ['a', 'b']) add(nonce);
  add('x', 6);
  assert.deepEqual([outbox.forget(5), outbox.forget(7), outbox.all().length], [['a', 'b'], [], 1]);
});

/** A message of channel 5. */
const message = (id) => /** @type {any} */ ({ id, channel_id: 5, content: `text ${id}`, author_id: 1, author_username: '' });

test('of messages that are deleted what was being written stays, below the draft, and is told', () => {
  forgetAll();
  setDraft(5, 'a draft\n');
  for (const id of [1, 2, 3]) setEdit(message(id), `new ${id}`);
  setEdit(message(4), ' ');
  setReply(5, message(4));
  keepOfDeleted(5, [1, 2, 4]);
  assert.equal(drafts.peek().get(5), 'a draft\nnew 1\nnew 2');
  assert.deepEqual([...edits.peek()], [[3, { channel_id: 5, text: 'new 3' }]]);
  assert.equal(replies.peek().size, 0);
  const told = notices.peek().map(({ word }) => word);
  assert.deepEqual(told, ['notice.edited_gone', 'notice.replied_gone']);
});

test('an edit that changes nothing is none', () => {
  forgetAll();
  setEdit(message(1), 'new');
  assert.deepEqual(countUnsent(), { drafts: 0, edits: 1, unsent: 0 });
  setEdit(message(1), 'text 1');
  assert.deepEqual(countUnsent(), { drafts: 0, edits: 0, unsent: 0 });
});

test('a channel that goes says what was written in it', () => {
  forgetAll();
  setDraft(5, 'a draft');
  setDraft(6, 'of another channel');
  setEdit(message(1), 'new');
  assert.deepEqual(forgetWritten(5), ['new', 'a draft']);
  assert.deepEqual([[...drafts.peek().keys()], edits.peek().size, forgetWritten(5)], [[6], 0, []]);
});
