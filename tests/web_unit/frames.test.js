// @ts-check
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { waitAfter, waitTold } from '../../web/app/api.js';
import {
  HELD_MAX,
  askOfPeople,
  forgetFrames,
  isHolding,
  listen,
  record,
  skipGap,
  takeEntries,
  takeFrame,
} from '../../web/app/frames.js';
import { channels, forgetAll, logOf, mayIn, me, members, put, reads, unreadOf } from '../../web/app/store.js';
import { randomOf } from './random.js';

const user = { id: 1, username: 'mina', display_name: 'Mina', avatar_url: null };
const time = '2026-01-31T12:00:00Z';
const channel = { id: 5, name: 'general', server_id: 1, updated_at: time, last_seq: 0 };
const server = { id: 1, name: 'Courtyard', updated_at: time, channels: [channel] };
const created = (seq) => ({
  type: 'message.created',
  channel_id: 5,
  id: seq,
  seq,
  content: `text ${seq}`,
  author_id: 2,
  author_username: 'june',
  created_at: time,
  updated_at: time,
});
const shown = () =>
  logOf(5)
    .peek()
    .tail.map(({ seq }) => seq);
const upTo = (end) => Array.from({ length: end }, (_, index) => index + 1);

/** @type {any[]} */
let effects = [];
/** @type {any[]} */
let told = [];

beforeEach(() => {
  forgetFrames();
  forgetAll();
  [effects, told] = [[], []];
  listen({
    effect: (channel_id, effect) => effects.push({ channel_id, ...effect }),
    gone: (ids) => told.push(['gone', ...ids]),
    left: ({ name }, is_deleted) => told.push(['left', name, is_deleted]),
    hidden: ({ name }) => told.push(['hidden', name]),
    stranger: (id) => told.push(['stranger', id]),
    changed: () => {},
    news: () => {},
    met: () => {},
  });
  takeFrame({ type: 'ready', user, servers: [server] });
  takeFrame({ type: 'subscribed', channel_id: 5, seq: 0 });
});

test('entries in any order, some twice, are shown in theirs, each once, when what is missing has been read', () => {
  for (let seed = 1; seed <= 40; seed++) {
    forgetFrames();
    logOf(5).value = { ...logOf(5).peek(), seq: 0, tail: [], is_loaded: true };
    const { below } = randomOf(seed);
    const frames = upTo(60).flatMap((seq) => (below(4) === 0 ? [] : below(4) === 0 ? [seq, seq] : [seq]));
    for (let i = frames.length - 1; i > 0; i--) {
      const j = Math.max(0, i - below(5));
      [frames[i], frames[j]] = [frames[j], frames[i]];
    }
    for (const seq of frames) {
      takeFrame(created(seq));
      const now = shown();
      assert.deepEqual(now, upTo(now.length), `seed ${seed}`);
    }
    takeEntries(5, upTo(60).map(created));
    assert.deepEqual(shown(), upTo(60));
    assert.equal(isHolding(5), false);
  }
});

test('a gap asks for what is between, once it is there what was held follows', () => {
  takeFrame(created(1));
  takeFrame(created(4));
  assert.deepEqual(effects, [{ channel_id: 5, repair: 5 }]);
  assert.deepEqual(shown(), [1]);
  takeEntries(5, [created(2), created(3)]);
  assert.deepEqual(shown(), [1, 2, 3, 4]);
});

test('too many that are held are given up for the newest page', () => {
  for (let seq = 2; seq <= HELD_MAX + 2; seq++) takeFrame(created(seq));
  assert.equal(isHolding(5), false);
  assert.ok(effects.some(({ reload }) => reload === 5));
  assert.equal(logOf(5).peek().seq, HELD_MAX + 2);
  takeFrame(created(HELD_MAX + 3));
  assert.deepEqual(shown(), [HELD_MAX + 3]);
});

test('what is heard while a page is read is told to who reads it', () => {
  const { heard, isWhole, end } = record(5);
  takeFrame(created(1));
  takeFrame(created(1));
  end();
  takeFrame(created(2));
  assert.deepEqual(
    heard.map(({ seq }) => seq),
    [1],
  );
  assert.equal(isWhole(), true);
});

test('a ready of somebody else changes nothing and says so', () => {
  takeFrame({ type: 'ready', user: { ...user, id: 9 }, servers: [] });
  assert.equal(me.peek()?.id, 1);
  assert.equal(channels.peek().size, 1);
  assert.deepEqual(told, [['stranger', 9]]);
});

test('a channel that goes takes what was known of it', () => {
  takeFrame(created(1));
  takeFrame({ type: 'channel.deleted', id: 5, server_id: 1 });
  assert.deepEqual(told, [['gone', 5]]);
  assert.deepEqual(shown(), []);
  assert.equal(reads.peek().has(5), false);
});

test('a server that goes says its name, and whether it was deleted', () => {
  takeFrame({ type: 'server.deleted', id: 1 });
  takeFrame({ type: 'ready', user, servers: [server] });
  takeFrame({ type: 'server.left', id: 1 });
  assert.deepEqual(told, [['left', 'Courtyard', true], ['gone', 5], ['left', 'Courtyard', false], ['gone', 5]]);
});

const EVERYONE = {
  id: 1,
  server_id: 1,
  name: 'everyone',
  position: 0,
  is_default: true,
  permissions: ['view_channel', 'read_history'],
  updated_at: time,
};

test('a server that comes anew takes the channels that are not in it, and one that comes back is not unread', () => {
  takeFrame(created(1));
  takeFrame({ type: 'server.joined', ...server, channels: [] });
  assert.deepEqual(told, [['hidden', 'general'], ['gone', 5]]);
  assert.deepEqual([channels.peek().size, shown()], [0, []]);
  takeFrame({ type: 'server.joined', ...server, channels: [{ ...channel, last_seq: 900 }] });
  takeFrame({ type: 'subscribed', channel_id: 5, seq: 900 });
  assert.equal(unreadOf(5).value.count, 0);
  takeFrame({ type: 'channel.created', ...channel, id: 6, last_seq: 2 });
  assert.equal(unreadOf(6).value.count, 2);
});

test('what one may do follows the roles', () => {
  assert.equal(mayIn(1, 'send_messages'), true, 'nothing else is known');
  takeFrame({ type: 'server.joined', ...server, roles: [EVERYONE], my_role_ids: [], my_permissions: ['administrator'] });
  assert.deepEqual(['send_messages', 'read_history', 'kick_members'].map((name) => mayIn(1, name)), [false, true, false]);
  const role = { ...EVERYONE, id: 2, is_default: false, position: 1, permissions: ['kick_members'] };
  takeFrame({ type: 'role.created', server_id: 1, role });
  assert.equal(mayIn(1, 'kick_members'), false);
  takeFrame({ type: 'member.updated', server_id: 1, member: { user_id: 1, username: 'mina', role_ids: [2] } });
  assert.equal(mayIn(1, 'kick_members'), true);
  takeFrame({ type: 'ready', user, servers: [{ ...server, channels: undefined }] });
  assert.equal(mayIn(1, 'kick_members'), true, 'a ready that had no room for the roles leaves them');
  takeFrame({ type: 'role.deleted', server_id: 1, role_id: 2 });
  assert.equal(mayIn(1, 'kick_members'), false);
});

test('who may read what was said before, and could not, reads it', () => {
  const silent = { ...EVERYONE, permissions: ['view_channel'] };
  takeFrame({ type: 'server.joined', ...server, roles: [silent], my_role_ids: [] });
  takeFrame(created(1));
  logOf(5).value = { ...logOf(5).peek(), is_loaded: true };
  takeFrame({ type: 'role.updated', server_id: 1, role: { ...silent, name: 'all' } });
  assert.deepEqual([effects, shown()], [[], [1]]);
  takeFrame({ type: 'role.updated', server_id: 1, role: EVERYONE });
  assert.deepEqual(effects, [{ channel_id: 5, reload: 5 }]);
  assert.deepEqual([logOf(5).peek().seq, logOf(5).peek().is_loaded], [1, false]);
});

test('a gap that nobody fills is passed over', () => {
  takeFrame(created(1));
  takeFrame(created(4));
  takeFrame(created(3));
  skipGap(5);
  assert.deepEqual([shown(), isHolding(5)], [[1, 3, 4], false]);
  skipGap(5);
  assert.equal(logOf(5).peek().seq, 4);
});

test('what is written to messages that are deleted can be kept', () => {
  for (const seq of [1, 2, 3]) takeFrame(created(seq));
  takeFrame({ type: 'message.deleted', channel_id: 5, seq: 4, id: 1 });
  takeFrame({ type: 'messages.deleted', channel_id: 5, seq: 5, ids: [2, 3] });
  takeFrame({ ...created(6), deleted: true });
  assert.deepEqual(effects, [1, 2, 6].map((id) => ({ channel_id: 5, deleted: id === 2 ? [2, 3] : [id] })));
});

test('what was there before one came is read; what comes is not, nor a channel that was made meanwhile', () => {
  assert.equal(unreadOf(5).value.count, 0);
  takeFrame(created(1));
  assert.deepEqual(unreadOf(5).value, { count: 1, first_seq: 1 });
  takeFrame({
    type: 'ready',
    user,
    servers: [
      {
        ...server,
        channels: [
          { ...channel, last_seq: 1 },
          { ...channel, id: 6, last_seq: 3 },
        ],
      },
    ],
  });
  assert.deepEqual(unreadOf(6).value, { count: 3, first_seq: 1 });
  const joined = { ...server, id: 2, channels: [{ id: 7, name: 'old', server_id: 2, updated_at: time }] };
  takeFrame({ type: 'server.joined', ...joined });
  takeFrame({ type: 'subscribed', channel_id: 7, seq: 1000 });
  assert.equal(unreadOf(7).value.count, 0);
});

test('waits before the socket opens again grow, differ, and end at 45 s', () => {
  assert.deepEqual([waitAfter(0, () => 0), waitAfter(0, () => 1), waitAfter(3, () => 0.5)], [500, 1_500, 8_000]);
  for (let tries = 0; tries < 100; tries++) assert.ok(waitAfter(tries, () => 0.999) <= 45_000);
});

test('a node that restarts says how long to wait, and what is no such reason says nothing', () => {
  assert.equal(waitTold(1012, '{"reconnect_after_ms":731}'), 731);
  assert.equal(waitTold(1012, '{"reconnect_after_ms":0,"more":[]}'), 0);
  assert.equal(waitTold(1012, '{"reconnect_after_ms":86400000}'), 10_000);
  for (const reason of ['', 'the node restarts', '{}', 'null', '{"reconnect_after_ms":-1}', '{"reconnect_after_ms":"soon"}']) {
    assert.equal(waitTold(1012, reason), undefined, reason);
  }
  assert.equal(waitTold(4430, '{"reconnect_after_ms":731}'), undefined);
});

test('who comes and goes while members are asked for counts over what the answer says', async () => {
  const ask = async () => {
    takeFrame({ type: 'member.joined', server_id: 1, member: { user_id: 4, username: 'hana' } });
    takeFrame({ type: 'member.left', server_id: 1, user_id: 2 });
    return [1, 2, 3];
  };
  await askOfPeople(ask, (user_ids) => put(members, 1, { user_ids, is_complete: true }));
  assert.deepEqual(members.peek().get(1)?.user_ids, [1, 3, 4]);
});
