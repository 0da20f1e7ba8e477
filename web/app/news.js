// @ts-check
// What `ready` and the news of a gateway make of servers, channels, members and people. Pure. Some news is told
// twice, and a channel may come before its server: what comes is put over what there is, and of two states of one
// thing the later `updated_at` counts.
import { isLater } from './reducer.js';

/** @typedef {import('./reducer.js').Frame} Frame */
/** @typedef {import('./store.js').Server} Server */
/** @typedef {import('./store.js').Channel} Channel */
/** @typedef {import('./store.js').Person} Person */
/** @typedef {import('./store.js').Members} Members */
/**
 * @typedef {{me: import('./store.js').Profile|null, servers: Map<number, Server>, channels: Map<number, Channel>,
 *   members: Map<number, Members>, people: Map<number, Person>}} State
 */

export const PEOPLE_MAX = 5_000;

/** @param {State} state @param {Frame} frame @returns {State} the same where it is no news */
export function reduceNews(state, frame) {
  switch (frame.type) {
    case 'ready':
      return ready(state, frame);
    case 'server.joined':
      return withServer(state, /** @type {any} */ (frame));
    case 'server.updated':
      return { ...state, servers: withNewer(state.servers, serverOf(frame)) };
    case 'server.left':
    case 'server.deleted':
      return withoutServer(state, frame.id);
    case 'channel.created':
    case 'channel.updated':
      return { ...state, channels: withChannel(state.channels, frame) };
    case 'channel.deleted':
      return { ...state, channels: without(state.channels, frame.id) };
    case 'member.joined':
      return withMember(state, frame);
    case 'member.left':
      return withoutMember(state, frame);
    case 'user.updated':
      return withUser(state, frame.user);
    default:
      return state;
  }
}

/** @param {Frame} frame @returns {Server} */
function serverOf({ type, channels, ...server }) {
  return /** @type {any} */ (server);
}

/**
 * @template {{id: number, updated_at: string}} T @param {Map<number, T>} map @param {T} next
 * @returns {Map<number, T>}
 */
function withNewer(map, next) {
  const known = map.get(next.id);
  if (known && isLater(known.updated_at, next.updated_at)) return map;
  return new Map(map).set(next.id, { ...known, ...next });
}

/** @template T @param {Map<number, T>} map @param {number} id @returns {Map<number, T>} */
function without(map, id) {
  if (!map.has(id)) return map;
  const next = new Map(map);
  next.delete(id);
  return next;
}

/** @param {Map<number, Channel>} channels @param {Frame} frame @returns {Map<number, Channel>} */
function withChannel(channels, { type, ...channel }) {
  const known = channels.get(channel.id);
  const last_seq = Math.max(known?.last_seq ?? 0, channel.last_seq ?? 0);
  const next = withNewer(channels, /** @type {any} */ ({ ...channel, last_seq }));
  if (next !== channels || !known || known.last_seq === last_seq) return next;
  return new Map(channels).set(channel.id, { ...known, last_seq });
}

/**
 * What it says replaces what was known of servers and channels.
 * @param {State} state @param {Frame} frame @returns {State}
 */
function ready(state, frame) {
  const servers = new Map();
  const channels = new Map();
  for (const server of frame.servers) {
    servers.set(server.id, serverOf(server));
    // Of somebody who is in very many channels the later servers come without them.
    const listed = server.channels ?? [...state.channels.values()].filter(({ server_id }) => server_id === server.id);
    for (const channel of listed) channels.set(channel.id, { ...channel, last_seq: channel.last_seq ?? 0 });
  }
  const members = new Map([...state.members].filter(([id]) => servers.has(id)));
  return { ...state, me: frame.user, servers, channels, members, people: withPeople(state.people, [frame.user]) };
}

/** @param {State} state @param {Server & {channels?: Channel[]}} frame @returns {State} */
function withServer(state, frame) {
  const servers = withNewer(state.servers, serverOf(/** @type {any} */ (frame)));
  if (!frame.channels) return { ...state, servers };
  const listed = new Set(frame.channels.map(({ id }) => id));
  const isNewest = servers !== state.servers;
  let channels = new Map(
    [...state.channels].filter(([id, { server_id }]) => server_id !== frame.id || listed.has(id) || !isNewest),
  );
  for (const channel of frame.channels) channels = withChannel(channels, /** @type {any} */ (channel));
  return { ...state, servers, channels };
}

/** @param {State} state @param {number} id @returns {State} */
function withoutServer(state, id) {
  return {
    ...state,
    servers: without(state.servers, id),
    members: without(state.members, id),
    channels: new Map([...state.channels].filter(([, { server_id }]) => server_id !== id)),
  };
}

/** @param {State} state @param {Frame} frame @returns {State} */
function withMember(state, { server_id, member }) {
  const people = withPeople(state.people, [{ ...member, id: member.user_id }]);
  const known = state.members.get(server_id);
  if (!known || known.user_ids.includes(member.user_id)) return { ...state, people };
  const last = known.user_ids.at(-1) ?? 0;
  // An incomplete list is read on from its last id, so a later one will come with it.
  if (!known.is_complete && member.user_id > last) return { ...state, people };
  const user_ids = [...known.user_ids, member.user_id].sort((a, b) => a - b);
  return { ...state, people, members: new Map(state.members).set(server_id, { ...known, user_ids }) };
}

/** @param {State} state @param {Frame} frame @returns {State} */
function withoutMember(state, { server_id, user_id }) {
  const known = state.members.get(server_id);
  if (!known) return state;
  const user_ids = known.user_ids.filter((id) => id !== user_id);
  return { ...state, members: new Map(state.members).set(server_id, { ...known, user_ids }) };
}

/** @param {State} state @param {any} user @returns {State} */
function withUser(state, user) {
  const me = state.me?.id === user.id ? { ...state.me, ...user } : state.me;
  return { ...state, me, people: withPeople(state.people, [user]) };
}

/**
 * @param {Map<number, Person>} people
 * @param {{id: number, username: string, display_name?: string|null, avatar_url?: string|null}[]} told
 * @returns {Map<number, Person>} with them, the same where nothing is new; the first ones go where there are too many
 */
export function withPeople(people, told) {
  const news = told.filter(({ id, username, display_name, avatar_url }) => {
    const known = people.get(id);
    return (
      !known ||
      known.username !== username ||
      known.display_name !== (display_name ?? null) ||
      known.avatar_url !== (avatar_url ?? null)
    );
  });
  if (!news.length) return people;
  const next = new Map(people);
  for (const { id, username, display_name = null, avatar_url = null } of news) {
    next.delete(id);
    next.set(id, { id, username, display_name, avatar_url });
  }
  for (const id of next.keys()) {
    if (next.size <= PEOPLE_MAX) break;
    next.delete(id);
  }
  return next;
}
