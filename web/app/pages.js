// @ts-check
// What is read of the node beside what frames tell: pages of a channel's log and what is missing in it, and who people
// are.
import { ApiError, call, sleep } from './api.js';
import { keepLogSoon, keepSoon } from './disk.js';
import { askOfPeople, isHolding, record, skipGap, startAnew, takeEntries, takeFrame } from './frames.js';
import {
  REPLAY_MAX, applyToMessages, refreshed, viewAround, viewOf, withNewer, withNewest, withPageAfter, withPageBefore,
} from './reducer.js';
import { withHeld } from './roles.js';
import {
  PEOPLE_MAX, channels, connection, holders, logOf, mayIn, me, members, people, place, put, withPeople,
} from './store.js';

/** @typedef {import('./store.js').Log} Log */
/** @typedef {import('./store.js').View} View */
/** @typedef {import('./store.js').Message} Message */
/** @typedef {import('./reducer.js').Effect} Effect */

// The log. What was heard while a page was read is put over it.

export const PAGE = 50;
const SEQ_WAIT_MS = 10_000;
const REPAIR_TRIES_MAX = 8;
const UNREAD_TRIES_MAX = 20;
const REFRESH_EVERY_MS = 1_000;
const REFRESH_CALLS_MAX = 10;

/** @param {any} error */
const failureOf = (error) =>
  error instanceof ApiError ? { code: error.code, detail: error.detail }
    : { code: 'internal_error', detail: String(error) };

/** @param {number} channel_id @param {Partial<Log>|((log: Log) => Log)} change */
function update(channel_id, change) {
  const log = logOf(channel_id);
  log.value = typeof change === 'function' ? change(log.peek()) : { ...log.peek(), ...change };
}

/** What a call says leaves `reactions` out where there are none. @param {any[]} said @returns {Message[]} */
const messagesOf = (said) => said.map((message) => ({ ...message, reactions: message.reactions ?? [] }));

/**
 * A page as of now.
 * @param {number} channel_id @param {string} query @returns {Promise<{page: Message[], effects: Effect[]}>}
 */
async function readPage(channel_id, query) {
  for (let turn = 1; ; turn++) {
    const { heard, isWhole, end } = record(channel_id);
    try {
      let page = messagesOf(await call('GET', `channels/${channel_id}/messages?${query}`));
      if (!isWhole() && turn < 3) continue;
      /** @type {Effect[]} */
      const effects = [];
      for (const frame of heard) page = applyToMessages(page, frame, me.peek()?.id, effects);
      for (const message of page) meet(message);
      return { page, effects };
    } finally {
      end();
    }
  }
}

/** Whether one may read what was said before; else one sees what comes. @param {number} channel_id */
const mayRead = (channel_id) => mayIn(channels.peek().get(channel_id)?.server_id, 'read_history');

/** One loading of a kind and channel at a time. @type {Map<string, Promise<void>>} */
const loadings = new Map();

/** @param {string} kind @param {number} channel_id @param {() => Promise<void>} work */
function loading(kind, channel_id, work) {
  const key = `${kind} ${channel_id}`;
  const running = loadings.get(key);
  if (running) return running;
  if (!mayRead(channel_id)) {
    if (!logOf(channel_id).peek().is_loaded) update(channel_id, { is_loaded: true, error: null });
    return Promise.resolve();
  }
  update(channel_id, { is_loading: true, error: null });
  const run = work()
    .catch((error) => update(channel_id, { error: failureOf(error) }))
    .finally(() => {
      loadings.delete(key);
      const isBusy = [...loadings.keys()].some((other) => other.endsWith(` ${channel_id}`));
      update(channel_id, { is_loading: isBusy });
    });
  loadings.set(key, run);
  return run;
}

/** @param {number} channel_id @param {string} query @param {(log: Log, page: Message[]) => Log} put */
async function loadInto(channel_id, query, put) {
  const { page, effects } = await readPage(channel_id, query);
  update(channel_id, (log) => put(log, page));
  for (const { refresh } of effects) if (refresh) refreshSoon(channel_id, refresh);
  keepLogSoon(channel_id);
}

/** @param {() => boolean} isSo what is so a moment after a start or a new channel */
async function waitFor(isSo) {
  const until = performance.now() + SEQ_WAIT_MS;
  while (!isSo() && performance.now() < until) await sleep(20);
}

/** Whether all entries of the channel that there were have been heard. @param {number} channel_id */
const isCaughtUp = (channel_id) =>
  connection.peek().state === 'live' &&
  (logOf(channel_id).peek().seq ?? -1) >= (channels.peek().get(channel_id)?.last_seq ?? 0);

/** @param {number} channel_id @param {{again?: boolean}} [options] */
export function loadNewest(channel_id, { again = false } = {}) {
  for (const message of logOf(channel_id).peek().tail) meet(message);
  if (logOf(channel_id).peek().is_loaded && !again) return Promise.resolve();
  return loading('newest', channel_id, async () => {
    await waitFor(() => logOf(channel_id).peek().seq !== null);
    const { seq } = logOf(channel_id).peek();
    await loadInto(channel_id, `limit=${PAGE}`, (log, page) => withNewest(log, page, PAGE));
    // What came between that page and the first number is in neither.
    if (seq === null && logOf(channel_id).peek().seq !== null) {
      await loadInto(channel_id, `limit=${PAGE}`, (log, page) => withNewest(log, page, PAGE));
    }
  });
}

/** @param {number} channel_id */
export function loadOlder(channel_id) {
  const first = viewOf(logOf(channel_id).peek());
  if (!first.has_older || !first.messages.length) return Promise.resolve();
  return loading('older', channel_id, () => {
    // From now on it does not lose its first messages to new ones.
    update(channel_id, { view: first });
    const { id } = first.messages[0];
    return loadInto(channel_id, `before=${id}&limit=${PAGE}`, (log, page) => withPageBefore(log, id, page, PAGE));
  });
}

/** @param {number} channel_id */
export function loadNewer(channel_id) {
  const { view } = logOf(channel_id).peek();
  const last = view?.messages.at(-1);
  if (!view?.has_newer || !last) return Promise.resolve();
  const query = `after=${last.id}&limit=${PAGE}`;
  return loading('newer', channel_id, () =>
    loadInto(channel_id, query, (log, page) => withPageAfter(log, last.id, page, PAGE)));
}

/** Where one wished to be last, by channel: what comes for an earlier wish is not shown. @type {Map<number, string>} */
const wishes = new Map();

/**
 * @param {number} channel_id @param {string} query @param {(log: Log, page: Message[]) => View} view
 * @returns {Promise<void>}
 */
function jump(channel_id, query, view) {
  wishes.set(channel_id, query);
  return loading(query, channel_id, async () => {
    await waitFor(() => isCaughtUp(channel_id));
    const isWished = () => wishes.get(channel_id) === query;
    await loadInto(channel_id, query, (log, page) => (isWished() ? { ...log, view: view(log, page) } : log));
  });
}

/**
 * @param {number} channel_id @param {number} message_id
 * @returns {Promise<boolean>} whether it turned out that the message is gone
 */
export async function jumpTo(channel_id, message_id) {
  const shown = viewOf(logOf(channel_id).peek());
  wishes.delete(channel_id);
  // What the disk has kept may be gone meanwhile, and what comes after it pushes it out.
  if (isCaughtUp(channel_id) && shown.messages.some(({ id }) => id === message_id)) {
    update(channel_id, { view: shown });
    return false;
  }
  let isGone = false;
  await jump(channel_id, `around=${message_id}&limit=${PAGE}`, (log, page) => {
    isGone = !page.some(({ id }) => id === message_id);
    return viewAround(log, page, { has_older: true, limit: PAGE });
  });
  return isGone;
}

/** @param {number} channel_id */
export function jumpToFirst(channel_id) {
  const view = viewOf(logOf(channel_id).peek());
  wishes.delete(channel_id);
  if (!view.has_older) return Promise.resolve();
  const nothing = { messages: [], has_older: false, has_newer: true };
  return jump(channel_id, `after=0&limit=${PAGE}`, (log, page) => withNewer(log, nothing, page, PAGE));
}

/** @param {number} channel_id */
export function jumpToNewest(channel_id) {
  wishes.delete(channel_id);
  update(channel_id, { view: null, error: null });
  return loadNewest(channel_id);
}

/**
 * The first message of others from an entry on, however far back that is.
 * @param {number} channel_id @param {number} seq
 * @returns {Promise<{id: number, created_at: string}|null>} `null` where there is none any more
 */
export async function firstUnread(channel_id, seq) {
  let after = seq - 1;
  if (!mayRead(channel_id)) return null;
  for (let tries = 0; tries < UNREAD_TRIES_MAX; tries++) {
    const { events, last_seq } = await call('GET', `channels/${channel_id}/events?after=${after}&limit=500`);
    const isOfOthers = (/** @type {any} */ { type, deleted, author_id }) =>
      type === 'message.created' && !deleted && author_id !== me.peek()?.id;
    const first = events.find(isOfOthers);
    if (first) return first;
    const last = events.at(-1);
    after = last?.to ?? last?.seq ?? last_seq;
    if (after >= last_seq) return null;
  }
  return null;
}

/** @param {number} channel_id */
export async function loadPins(channel_id) {
  if (!mayRead(channel_id)) return;
  const { heard, end } = record(channel_id);
  try {
    let pins = messagesOf(await call('GET', `channels/${channel_id}/pins`));
    for (const frame of heard) pins = applyToMessages(pins, frame, me.peek()?.id, []);
    update(channel_id, { pins });
  } finally {
    end();
  }
}

// Reactions to messages that came from a page are asked for, at most once a second and channel.

/** @type {Map<number, Set<number>>} */
const stale = new Map();
/** @type {Set<number>} */
const refreshing = new Set();

/** @param {number} channel_id @param {number} message_id */
export function refreshSoon(channel_id, message_id) {
  if (!mayRead(channel_id)) return;
  stale.set(channel_id, (stale.get(channel_id) ?? new Set()).add(message_id));
  if (refreshing.has(channel_id)) return;
  refreshing.add(channel_id);
  void refreshAll(channel_id).finally(() => refreshing.delete(channel_id));
}

/** @param {number} channel_id */
async function refreshAll(channel_id) {
  await sleep(50);
  for (let ids = stale.get(channel_id); ids?.size; ids = stale.get(channel_id)) {
    stale.delete(channel_id);
    await refresh(channel_id, ids).catch(() => {});
    await sleep(REFRESH_EVERY_MS);
  }
}

/** @param {number} channel_id @param {Set<number>} ids */
async function refresh(channel_id, ids) {
  const log = logOf(channel_id).peek();
  const shown = new Set([...log.tail, ...viewOf(log).messages].map(({ id }) => id));
  const wanted = [...ids].filter((id) => shown.has(id)).sort((a, b) => b - a);
  /** @type {Message[]} */
  const said = [];
  if (wanted.length > REFRESH_CALLS_MAX) {
    const { page } = await readPage(channel_id, `before=${wanted[0] + 1}&limit=100`);
    said.push(...page);
    const rest = wanted.filter((id) => id < (page[0]?.id ?? 0));
    if (rest.length) stale.set(channel_id, new Set([...(stale.get(channel_id) ?? []), ...rest]));
  } else {
    for (const id of wanted) said.push(...(await one(channel_id, id)));
  }
  update(channel_id, (now) => said.reduce(refreshed, now));
  keepLogSoon(channel_id);
}

/**
 * @param {number} channel_id @param {number} id
 * @returns {Promise<Message[]>} nothing where it has been deleted: an entry says so
 */
const one = (channel_id, id) => call('GET', `channels/${channel_id}/messages/${id}`).then(
  (message) => messagesOf([message]),
  (error) => (error instanceof ApiError && error.status === 404 ? [] : Promise.reject(error)));

// What is missing between the last entry that was counted and those that are held.

/** @type {Set<number>} */
const repairing = new Set();

/** @param {number} channel_id */
export async function repair(channel_id) {
  if (!mayRead(channel_id)) return skipGap(channel_id);
  if (repairing.has(channel_id)) return;
  repairing.add(channel_id);
  try {
    for (let failures = 0; failures < REPAIR_TRIES_MAX;) {
      const seq = logOf(channel_id).peek().seq;
      if (seq === null) return;
      try {
        const { events, last_seq } = await call('GET', `channels/${channel_id}/events?after=${seq}&limit=1000`);
        if (last_seq < seq) return takeFrame({ type: 'resync', channel_id, seq: last_seq });
        if (last_seq - seq > REPLAY_MAX) return startAnew(channel_id, last_seq);
        takeEntries(channel_id, events);
        if (!isHolding(channel_id) && (logOf(channel_id).peek().seq ?? 0) >= last_seq) return;
        if (logOf(channel_id).peek().seq === seq) throw new ApiError(0, 'unreachable', 'no entries came');
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 403 || error.status === 404) throw error;
        failures += 1;
        await sleep(Math.min(1_000 * 2 ** failures, 30_000) * (0.5 + Math.random()));
      }
    }
    startAnew(channel_id, logOf(channel_id).peek().seq ?? 0);
  } catch (error) {
    update(channel_id, { error: failureOf(error) });
  } finally {
    repairing.delete(channel_id);
  }
}

// People: the profiles of authors that are met, and the members of servers.

const LOOKUP_MAX = 100;
const MEMBERS_PAGE = 100;
const WAITING_MAX = 1_000;

/** @type {Set<number>} */
const waiting = new Set();
/** Who was asked for since the last `ready`; from then on changes are told. @type {Set<number>} */
const fresh = new Set();
/** Servers whose lists are from before the last `ready`: members may have come and gone unheard. @type {Set<number>} */
const oldLists = new Set();
/** @type {any} */
let meeting = null;

/** @param {{author_id?: number|null, author_username?: string, [field: string]: any}} message */
export function meet({ author_id, author_username }) {
  if (!author_id || fresh.has(author_id)) return;
  if (!people.peek().has(author_id)) {
    people.value = withPeople(people.peek(), [{ id: author_id, username: author_username ?? '' }]);
  }
  if (waiting.size < WAITING_MAX) waiting.add(author_id);
  meeting ??= setTimeout(() => {
    meeting = null;
    const ids = [...waiting];
    waiting.clear();
    // Without an answer their names are those that stood at the messages, until the next `ready`.
    void lookUp(ids).catch(() => {});
  }, 100);
}

/** Who is known may have changed while nothing was heard. */
export function forgetFreshness() {
  fresh.clear();
  for (const id of members.peek().keys()) oldLists.add(id);
}

/** After `ready`: the list of members that may be shown is read again. */
export function refreshPeople() {
  forgetFreshness();
  const { server_id } = place.peek();
  if (server_id && members.peek().has(server_id)) void loadMembers(server_id).catch(() => {});
}

/** @param {number[]} user_ids */
async function lookUp(user_ids) {
  for (let at = 0; at < user_ids.length; at += LOOKUP_MAX) {
    const ids = user_ids.slice(at, at + LOOKUP_MAX);
    if (fresh.size > PEOPLE_MAX) fresh.clear();
    for (const id of ids) fresh.add(id);
    await askOfPeople(
      () => call('POST', 'users/lookup', { body: { ids } }),
      (told) => void (people.value = withPeople(people.peek(), told)),
    );
    keepSoon('people');
  }
}

/** The next page of a server's members; the first one where the list is old. @param {number} server_id */
export async function loadMembers(server_id) {
  const known = members.peek().get(server_id);
  const isOld = oldLists.has(server_id);
  if (known?.is_complete && !isOld) return;
  const after = isOld ? 0 : (known?.user_ids.at(-1) ?? 0);
  await askOfPeople(
    () => call('GET', `servers/${server_id}/members?after=${after}&limit=${MEMBERS_PAGE}`),
    (/** @type {(import('./store.js').Person & {user_id: number, role_ids: number[]})[]} */ page) => {
      const told = page.map((member) => ({ ...member, id: member.user_id }));
      people.value = withPeople(people.peek(), told);
      for (const { user_id, role_ids } of page) holders.value = withHeld(holders.peek(), server_id, user_id, role_ids);
      // Another page has come first, or the list has become old.
      if (isOld !== oldLists.has(server_id)) return;
      oldLists.delete(server_id);
      const before = isOld ? [] : (members.peek().get(server_id)?.user_ids ?? []);
      const user_ids = [...new Set([...before, ...told.map(({ id }) => id)])].sort((a, b) => a - b);
      put(members, server_id, { user_ids, is_complete: page.length < MEMBERS_PAGE });
    },
  );
  keepSoon('people');
}
