// @ts-check
// Puts frames into the state: each tab does so with the same frames. Entries that come before their turn are held
// until what is missing has been read. It makes no calls: what is to be done beside is told to who listens.
import { batch } from '../vendor/signals.js';
import { isEntry, isLater, reduceLog, resetLog } from './reducer.js';
import { withEntry, withHeld, withOrder, withRole, withoutRole } from './roles.js';
import {
  channels, forgetLog, holders, logOf, mayIn, me, members, people, put, reads, roles, servers, withPeople,
} from './store.js';

/** @typedef {import('./reducer.js').Frame} Frame */
/** @typedef {import('./reducer.js').Effect} Effect */
/** @typedef {import('./store.js').Server} Server */
/** @typedef {import('./store.js').Channel} Channel */
/** @typedef {import('./store.js').Person} Person */
/**
 * @typedef {{effect: (channel_id: number, effect: Effect) => void, gone: (channel_ids: number[]) => void,
 *   left: (server: Server, is_deleted: boolean) => void, hidden: (channel: Channel) => void,
 *   changed: (channel_id: number) => void, news: () => void, met: (message: Frame) => void,
 *   stranger: (user_id: number) => void}} Listener
 */

export const HELD_MAX = 2_000;
const HEARD_MAX = 2_000;
const OF_PEOPLE = new Set(['member.joined', 'member.updated', 'member.left', 'user.updated', 'role.deleted']);

/** @type {Listener} */
let listener;
/** @type {Map<number, Frame[]>} */
const held = new Map();
/** Entries heard while a page is read, of each reading. @type {Map<number, Set<Frame[]>>} */
const readings = new Map();

/** @param {Listener} next */
export function listen(next) {
  listener = next;
}

/**
 * @param {number} channel_id
 * @returns {{heard: Frame[], isWhole: () => boolean, end: () => void}} the entries that come from now on
 */
export function record(channel_id) {
  /** @type {Frame[]} */
  const heard = [];
  const all = readings.get(channel_id) ?? new Set();
  readings.set(channel_id, all.add(heard));
  const end = () => {
    all.delete(heard);
    if (!all.size && readings.get(channel_id) === all) readings.delete(channel_id);
  };
  return { heard, isWhole: () => heard.length < HEARD_MAX, end };
}

/** Frames about people heard while a call asks for some. @type {Set<Frame[]>} */
const lookings = new Set();

/**
 * What a call tells of people and members goes into the state, and over it what was heard of them while it was made.
 * @template T @param {() => Promise<T>} ask @param {(told: T) => void} put
 */
export async function askOfPeople(ask, put) {
  /** @type {Frame[]} */
  const heard = [];
  lookings.add(heard);
  try {
    const told = await ask();
    batch(() => {
      put(told);
      heard.forEach(takeNews);
    });
  } finally {
    lookings.delete(heard);
  }
}

/** @param {Frame} frame */
export function takeFrame(frame) {
  batch(() => {
    if (OF_PEOPLE.has(frame.type)) for (const heard of lookings) heard.push(frame);
    if (frame.type === 'ready' && me.peek() && me.peek()?.id !== frame.user.id) return listener.stranger(frame.user.id);
    takeNews(frame);
    if (Number.isInteger(frame.channel_id)) takeOfLog(frame);
    else if (frame.nonce && frame.type === 'ack') listener.effect(0, { acknowledged: frame.nonce });
  });
}

const NEWS = { me, servers, channels, members, people, roles, holders };

/** @param {Frame} frame */
function takeNews(frame) {
  const signals = Object.entries(NEWS);
  const before = /** @type {any} */ (Object.fromEntries(signals.map(([name, signal]) => [name, signal.peek()])));
  const after = reduceNews(before, frame);
  if (after === before) return;
  const unread = [...before.roles.keys()].filter((id) => !mayIn(id, 'read_history'));
  if (after.channels !== before.channels) beginReading(frame, before, after);
  for (const [name, signal] of signals) signal.value = /** @type {any} */ (after)[name];
  const gone = [...before.channels.values()].filter(({ id }) => !after.channels.has(id));
  listener.news();
  for (const server of before.servers.values()) {
    if (!after.servers.has(server.id)) listener.left(server, frame.type === 'server.deleted');
  }
  if (frame.type === 'server.joined' || frame.type === 'ready') {
    for (const channel of gone) if (after.servers.has(channel.server_id)) listener.hidden(channel);
  }
  if (gone.length) forget(gone.map(({ id }) => id));
  if (unread.length) readAnew(unread);
}

/** What was said before is read by whoever may do so now and could not. @param {number[]} serverIds where not */
function readAnew(serverIds) {
  for (const { id, server_id } of channels.peek().values()) {
    const isOpened = serverIds.includes(server_id) && mayIn(server_id, 'read_history');
    if (isOpened && logOf(id).peek().seq !== null) startAnew(id, logOf(id).peek().seq);
  }
}

/**
 * A channel that is seen for the first time counts as read, unless it is new in a server that was known. One that comes
 * with all of its server was hidden before.
 * @param {Frame} frame @param {State} before @param {State} after
 */
function beginReading(frame, before, after) {
  const next = new Map(reads.peek());
  // What a call lists comes without `last_seq`: the subscription tells it.
  const untold = new Set(
    (frame.channels ?? [])
      .filter((/** @type {any} */ { last_seq }) => last_seq === undefined)
      .map((/** @type {any} */ { id }) => id),
  );
  for (const [id, { server_id, last_seq }] of after.channels) {
    const read = next.get(id);
    if (read === undefined && untold.has(id)) continue;
    const isNew = frame.type !== 'server.joined' && before.servers.has(server_id) && !before.channels.has(id);
    if (read === undefined) next.set(id, isNew ? 0 : last_seq);
    // The log was set back to an earlier state.
    else if (frame.type === 'ready' && read > last_seq) next.set(id, last_seq);
  }
  reads.value = next;
}

/** @param {number[]} channel_ids */
function forget(channel_ids) {
  const nextReads = new Map(reads.peek());
  for (const id of channel_ids) {
    forgetLog(id);
    held.delete(id);
    nextReads.delete(id);
  }
  reads.value = nextReads;
  listener.gone(channel_ids);
}

/** @param {Frame} frame */
function takeOfLog(frame) {
  const { channel_id } = frame;
  const log = logOf(channel_id);
  const result = reduceLog(log.peek(), frame, me.peek()?.id);
  const isCounted = result.log !== log.peek();
  if (isCounted) {
    log.value = result.log;
    if (frame.type === 'resync') held.delete(channel_id);
    for (const heard of readings.get(channel_id) ?? []) if (heard.length < HEARD_MAX) heard.push(frame);
    listener.changed(channel_id);
  }
  if (result.is_gap) hold(frame);
  if (isCounted || frame.type === 'subscribed') {
    raiseLastSeq(channel_id, frame.to ?? frame.seq, frame.type === 'resync');
  }
  if (frame.type === 'message.created' && frame.author_id !== null && !frame.deleted) listener.met(frame);
  for (const effect of result.effects) listener.effect(channel_id, effect);
}

/** @param {Frame} frame */
function hold(frame) {
  const frames = held.get(frame.channel_id) ?? [];
  frames.push(frame);
  held.set(frame.channel_id, frames);
  if (frames.length > HELD_MAX) startAnew(frame.channel_id, Math.max(...frames.map(({ to, seq }) => to ?? seq)));
}

/**
 * Gives up what is between, and goes on from a number with the newest page.
 * @param {number} channel_id @param {number|null} seq
 */
export function startAnew(channel_id, seq) {
  held.delete(channel_id);
  const log = logOf(channel_id);
  log.value = resetLog(log.peek(), seq);
  listener.effect(channel_id, { reload: channel_id });
}

/** Whether entries wait for what is before them. @param {number} channel_id */
export const isHolding = (channel_id) => held.has(channel_id);

/**
 * Takes the entries that were read, and then those that were held.
 * @param {number} channel_id @param {Frame[]} entries
 */
export function takeEntries(channel_id, entries) {
  batch(() => {
    const waiting = held.get(channel_id) ?? [];
    held.delete(channel_id);
    waiting.sort((a, b) => (a.from ?? a.seq) - (b.from ?? b.seq));
    for (const entry of [...entries, ...waiting]) if (isEntry(entry)) takeOfLog(entry);
  });
}

/** Goes on with the entries that were held, where nobody tells what is between. @param {number} channel_id */
export function skipGap(channel_id) {
  const from = (logOf(channel_id).peek().seq ?? 0) + 1;
  const to = Math.min(...(held.get(channel_id) ?? []).map((frame) => frame.from ?? frame.seq)) - 1;
  if (Number.isFinite(to)) takeEntries(channel_id, [{ type: 'skipped', channel_id, from, to }]);
}

/** @param {number} channel_id @param {number} seq @param {boolean} isSetBack */
function raiseLastSeq(channel_id, seq, isSetBack) {
  const channel = channels.peek().get(channel_id);
  if (channel && !reads.peek().has(channel_id)) put(reads, channel_id, seq);
  if (!channel || (channel.last_seq >= seq && !isSetBack)) return;
  put(channels, channel_id, { ...channel, last_seq: seq });
  const read = reads.peek().get(channel_id);
  if (isSetBack && read !== undefined && read > seq) put(reads, channel_id, seq);
}

export function forgetFrames() {
  held.clear();
}

// What `ready` and the news of a gateway make of servers, channels, members, people and roles. Pure. Some news is told
// twice, and a channel may come before its server: what comes is put over what there is, and of two states of one thing
// the later `updated_at` counts.

/**
 * @typedef {{me: import('./store.js').Profile|null, servers: Map<number, Server>, channels: Map<number, Channel>,
 *   members: Map<number, import('./store.js').Members>, people: Map<number, Person>,
 *   roles: import('./roles.js').Roles, holders: import('./roles.js').Holders}} State
 */

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
    case 'member.updated':
      return withRolesOf(state, frame);
    case 'member.left':
      return withoutMember(state, frame);
    case 'role.created':
    case 'role.updated':
      return { ...state, roles: withRole(state.roles, frame.role) };
    case 'role.deleted':
      return withoutRole(state, frame.server_id, frame.role_id);
    case 'roles.ordered':
      return { ...state, roles: withOrder(state.roles, frame.server_id, frame.role_ids) };
    case 'user.updated':
      return withUser(state, frame.user);
    default:
      return state;
  }
}

/** @param {Frame} frame @returns {Server} */
function serverOf({ type, channels, roles, my_role_ids, my_permissions, ...server }) {
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
const without = (map, id) => withEntry(map, id, undefined);

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
  let known = { ...state, me: frame.user, roles: new Map(), holders: new Map() };
  for (const server of frame.servers) {
    servers.set(server.id, serverOf(server));
    // What others have may have changed unheard: it stands until their list is read again.
    known.holders.set(server.id, state.holders.get(server.id) ?? new Map());
    known = withOwnRoles({ ...known, roles: withEntry(known.roles, server.id, state.roles.get(server.id)) }, server);
    // Of somebody who is in very many channels the later servers come without them.
    const listed = server.channels ?? [...state.channels.values()].filter(({ server_id }) => server_id === server.id);
    for (const channel of listed) channels.set(channel.id, { ...channel, last_seq: channel.last_seq ?? 0 });
  }
  const members = new Map([...state.members].filter(([id]) => servers.has(id)));
  return { ...known, servers, channels, members, people: withPeople(state.people, [frame.user]) };
}

/**
 * The roles of a server, where it comes with them, and one's own there.
 * @param {State} state @param {{[field: string]: any}} server @returns {State}
 */
function withOwnRoles(state, { id, roles: told, my_role_ids }) {
  const own = state.me?.id;
  const next = told ? withEntry(state.roles, id, told) : state.roles;
  if (!my_role_ids || own === undefined) return { ...state, roles: next };
  return { ...state, roles: next, holders: withHeld(state.holders, id, own, my_role_ids) };
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
  return withOwnRoles({ ...state, servers, channels }, frame);
}

/** @param {State} state @param {number} id @returns {State} */
function withoutServer(state, id) {
  return {
    ...state,
    servers: without(state.servers, id),
    members: without(state.members, id),
    roles: without(state.roles, id),
    holders: without(state.holders, id),
    channels: new Map([...state.channels].filter(([, { server_id }]) => server_id !== id)),
  };
}

/** @param {State} state @param {Frame} frame @returns {State} */
function withRolesOf(state, { server_id, member }) {
  const people = withPeople(state.people, [{ ...member, id: member.user_id }]);
  const server = member.user_id === state.me?.id ? state.servers.get(server_id) : undefined;
  const own = server && { ...server, my_timeout_until: member.timeout_until };
  const servers = own ? withEntry(state.servers, server_id, own) : state.servers;
  const holders = withHeld(state.holders, server_id, member.user_id, member.role_ids ?? []);
  return { ...state, people, servers, holders };
}

/** @param {State} before @param {Frame} frame @returns {State} */
function withMember(before, frame) {
  const { server_id, member } = frame;
  const state = withRolesOf(before, frame);
  const { people } = state;
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
  const holders = state.holders.has(server_id) ? withHeld(state.holders, server_id, user_id, undefined) : state.holders;
  const known = state.members.get(server_id);
  if (!known) return { ...state, holders };
  const user_ids = known.user_ids.filter((id) => id !== user_id);
  return { ...state, holders, members: new Map(state.members).set(server_id, { ...known, user_ids }) };
}

/** @param {State} state @param {any} user @returns {State} */
function withUser(state, user) {
  const me = state.me?.id === user.id ? { ...state.me, ...user } : state.me;
  return { ...state, me, people: withPeople(state.people, [user]) };
}
