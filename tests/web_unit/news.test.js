// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reduceNews } from '../../web/app/frames.js';
import { PEOPLE_MAX, withPeople } from '../../web/app/store.js';

const at = (second) => `2026-01-31T12:00:0${second}.5Z`;
const me = { id: 1, username: 'mina', display_name: 'Mina', avatar_url: null };
const channel = (id, more = {}) => ({ id, name: `c${id}`, server_id: 1, updated_at: at(1), ...more });
const server = (more = {}) => ({ id: 1, name: 'Courtyard', owner_id: 1, updated_at: at(1), ...more });
const nothing = {
  me: null,
  servers: new Map(),
  channels: new Map(),
  members: new Map(),
  people: new Map(),
  roles: new Map(),
  holders: new Map(),
};
const ready = (channels) => ({ type: 'ready', user: me, servers: [{ ...server(), channels }] });
const run = (frames, state = nothing) => frames.reduce(reduceNews, /** @type {any} */ (state));

test('ready replaces what was known, and keeps the channels of a server that it had no room for', () => {
  const before = run([ready([channel(1, { last_seq: 7 }), channel(2)])]);
  assert.equal(before.channels.get(1).last_seq, 7);
  assert.equal(before.me.username, 'mina');
  assert.deepEqual([...run([ready([channel(2)])], before).channels.keys()], [2]);
  const { channels, ...bare } = ready([]).servers[0];
  const after = run([{ type: 'ready', user: me, servers: [bare] }], before);
  assert.deepEqual([...after.channels.keys()], [1, 2]);
});

test('of two states of one thing the later one counts, in whatever order they come', () => {
  const [older, newer] = [server({ name: 'older', updated_at: at(2) }), server({ name: 'newer', updated_at: at(3) })];
  for (const order of [
    [older, newer],
    [newer, older],
  ]) {
    const state = run(
      order.map((next) => ({ type: 'server.updated', ...next })),
      run([ready([channel(1)])]),
    );
    assert.equal(state.servers.get(1).name, 'newer');
  }
});

test('a channel may come before its server, twice, and never loses how far it goes', () => {
  const frames = [
    { type: 'channel.created', ...channel(3, { last_seq: 4 }) },
    { type: 'server.joined', ...server(), channels: [channel(3)] },
    { type: 'channel.updated', ...channel(3, { name: 'renamed', updated_at: at(2) }) },
    { type: 'channel.created', ...channel(3) },
  ];
  const { channels } = run(frames);
  assert.deepEqual([channels.get(3).last_seq, channels.get(3).name], [4, 'renamed']);
});

test('a timeout is kept with the server, and is nobody elses', () => {
  const end = '2026-02-01T12:00:00Z';
  const told = (user_id, timeout_until) => ({
    type: 'member.updated', server_id: 1, member: { user_id, username: 'u', role_ids: [], timeout_until },
  });
  const known = run([{ type: 'ready', user: me, servers: [server({ my_timeout_until: end })] }]);
  assert.equal(known.servers.get(1).my_timeout_until, end);
  assert.equal(run([told(2, null), { type: 'server.updated', ...server({ updated_at: at(2) }) }], known)
    .servers.get(1).my_timeout_until, end);
  assert.equal(run([told(1, null)], known).servers.get(1).my_timeout_until, null);
  assert.equal(run([told(1, end)], run([ready([])])).servers.get(1).my_timeout_until, end);
});

test('a server takes its channels and members with it', () => {
  const before = {
    ...run([ready([channel(1), channel(2)])]),
    members: new Map([[1, { user_ids: [1], is_complete: true }]]),
  };
  for (const type of ['server.left', 'server.deleted']) {
    const after = run([{ type, id: 1 }], before);
    assert.deepEqual([after.servers.size, after.channels.size, after.members.size], [0, 0, 0]);
  }
  assert.deepEqual([...run([{ type: 'channel.deleted', id: 1, server_id: 1 }], before).channels.keys()], [2]);
});

test('members come and go; beyond the end of an incomplete list they come with its next page', () => {
  const known = (is_complete) => ({ ...nothing, members: new Map([[1, { user_ids: [1, 5], is_complete }]]) });
  const joined = (id) => ({ type: 'member.joined', server_id: 1, member: { user_id: id, username: `u${id}` } });
  assert.deepEqual(run([joined(3), joined(9), joined(3)], known(true)).members.get(1).user_ids, [1, 3, 5, 9]);
  assert.deepEqual(run([joined(3), joined(9)], known(false)).members.get(1).user_ids, [1, 3, 5]);
  const left = { type: 'member.left', server_id: 1, user_id: 5 };
  assert.deepEqual(run([left, left], known(true)).members.get(1).user_ids, [1]);
  assert.equal(run([joined(3)], known(true)).people.get(3).username, 'u3');
});

test('a changed profile changes the person, and oneself', () => {
  const user = { ...me, display_name: 'Minji' };
  const state = run([{ type: 'user.updated', user }], run([ready([])]));
  assert.equal(state.me.display_name, 'Minji');
  assert.equal(state.people.get(1).display_name, 'Minji');
});

test('what is no news changes nothing', () => {
  const state = run([ready([channel(1)])]);
  assert.equal(reduceNews(state, { type: 'message.created', id: 1, seq: 1, channel_id: 1 }), state);
  assert.equal(reduceNews(state, { type: 'poll.closed', id: 1 }), state);
});

test('people are bounded, and the same where nothing is new', () => {
  const many = Array.from({ length: PEOPLE_MAX + 10 }, (_, index) => ({ id: index + 1, username: `u${index}` }));
  const people = withPeople(new Map(), many);
  assert.equal(people.size, PEOPLE_MAX);
  assert.ok(people.has(PEOPLE_MAX + 10));
  assert.equal(withPeople(people, [{ id: PEOPLE_MAX + 10, username: `u${PEOPLE_MAX + 9}` }]), people);
});
