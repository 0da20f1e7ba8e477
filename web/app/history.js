// @ts-check
// Pages of a channel's log: the newest one, older and newer ones around an anchor, jumps, and what is missing between
// two entries. A page may be newer or older than the entries that were heard: what was heard while it was read is put
// over it, and what it has beyond the last entry that was counted comes as an entry.
import { ApiError, call, sleep } from './api.js';
import { isHolding, record, startAnew, takeEntries, takeFrame } from './frames.js';
import { meet } from './people.js';
import { REPLAY_MAX, TAIL_MAX, VIEW_MAX, applyToMessages, isLater, refreshed } from './reducer.js';
import { logOf, me } from './store.js';

/** @typedef {import('./store.js').Log} Log */
/** @typedef {import('./store.js').View} View */
/** @typedef {import('./store.js').Message} Message */
/** @typedef {import('./reducer.js').Effect} Effect */

export const PAGE = 50;
const SEQ_WAIT_MS = 10_000;
const REPAIR_TRIES_MAX = 8;
const UNREAD_TRIES_MAX = 20;
const REFRESH_EVERY_MS = 1_000;
const REFRESH_CALLS_MAX = 10;

/** @type {(channel_id: number) => void} */
let onChanged = () => {};
/** @param {typeof onChanged} next */
export const onLogLoaded = (next) => void (onChanged = next);

// The pure part.

/**
 * Both lists in order, each message once; what was heard exactly stays.
 * @param {Message[]} known @param {Message[]} page @returns {Message[]}
 */
export function merged(known, page) {
  const byId = new Map(page.map((message) => [message.id, message]));
  for (const message of known) {
    const said = byId.get(message.id);
    const isNewer = said && isLater(said.updated_at, message.updated_at);
    const { reactions, reactors } = message;
    if (!said || (!isNewer && reactors)) byId.set(message.id, message);
    else if (reactors) byId.set(message.id, { ...said, reactions, reactors });
  }
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

/** @param {Log} log @param {Message[]} page the newest @param {number} limit @returns {Log} */
export function withNewest(log, page, limit) {
  const counted = page.filter(({ seq }) => log.seq === null || seq <= log.seq);
  // So much was heard meanwhile that what joins the page has left the tail.
  const last = counted.at(-1);
  const isApart = log.tail.length >= TAIL_MAX && last !== undefined && last.id < log.tail[0].id;
  const tail = isApart ? log.tail : merged(log.tail, counted);
  const has_older = isApart || page.length >= limit;
  return {
    ...log,
    tail: tail.slice(-TAIL_MAX),
    tail_has_older: tail.length > TAIL_MAX || (has_older && log.tail_has_older),
    is_loaded: true,
    error: null,
  };
}

/** @param {Log} log @returns {View} what is shown, as a view that can grow */
export const viewOf = (log) => log.view ?? { messages: log.tail, has_older: log.tail_has_older, has_newer: false };

/** @param {View} view @param {Message[]} page @param {number} limit @returns {View} */
export function withOlder(view, page, limit) {
  const messages = merged(view.messages, page);
  const isCut = messages.length > VIEW_MAX;
  return { messages: messages.slice(0, VIEW_MAX), has_older: page.length >= limit, has_newer: view.has_newer || isCut };
}

/**
 * A page before a message, where that one is still the first that is shown.
 * @param {Log} log @param {number} first_id @param {Message[]} page @param {number} limit @returns {Log}
 */
export const withPageBefore = (log, first_id, page, limit) =>
  log.view?.messages[0]?.id === first_id ? { ...log, view: withOlder(log.view, page, limit) } : log;

/**
 * A page after a message, where that one is still the last of the view.
 * @param {Log} log @param {number} last_id @param {Message[]} page @param {number} limit @returns {Log}
 */
export const withPageAfter = (log, last_id, page, limit) =>
  log.view?.messages.at(-1)?.id === last_id ? { ...log, view: withNewer(log, log.view, page, limit) } : log;

/**
 * @param {Log} log @param {View} view @param {Message[]} page @param {number} limit
 * @returns {View} joined with the tail where it reaches it
 */
export function withNewer(log, view, page, limit) {
  const counted = page.filter(({ seq }) => log.seq === null || seq <= log.seq);
  let messages = merged(view.messages, counted);
  const last = messages.at(-1)?.id ?? 0;
  const hasJoined =
    page.length < limit || counted.length < page.length || (log.tail.length > 0 && log.tail[0].id <= last);
  if (hasJoined) messages = merged(messages, log.tail);
  const isCut = messages.length > VIEW_MAX;
  return { messages: messages.slice(-VIEW_MAX), has_older: view.has_older || isCut, has_newer: !hasJoined };
}

/** @param {Log} log @param {Message[]} page @param {{has_older: boolean, limit: number}} ends @returns {View} */
export function viewAround(log, page, { has_older, limit }) {
  return withNewer(log, { messages: [], has_older, has_newer: true }, page, Math.min(limit, page.length));
}

// The calls.

/** @param {unknown} error */
const failureOf = (error) =>
  error instanceof ApiError
    ? { code: error.code, detail: error.detail }
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

/** One loading of a kind and channel at a time. @type {Map<string, Promise<void>>} */
const loadings = new Map();

/** @param {string} kind @param {number} channel_id @param {() => Promise<void>} work */
function loading(kind, channel_id, work) {
  const key = `${kind} ${channel_id}`;
  const running = loadings.get(key);
  if (running) return running;
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
  onChanged(channel_id);
}

/** The number from which on entries are heard is there a moment after a channel is known. @param {number} channel_id */
async function waitForSeq(channel_id) {
  const until = performance.now() + SEQ_WAIT_MS;
  while (logOf(channel_id).peek().seq === null && performance.now() < until) await sleep(20);
}

/** @param {number} channel_id @param {{again?: boolean}} [options] */
export function loadNewest(channel_id, { again = false } = {}) {
  for (const message of logOf(channel_id).peek().tail) meet(message);
  if (logOf(channel_id).peek().is_loaded && !again) return Promise.resolve();
  return loading('newest', channel_id, async () => {
    await waitForSeq(channel_id);
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
  return loading('newer', channel_id, () =>
    loadInto(channel_id, `after=${last.id}&limit=${PAGE}`, (log, page) => withPageAfter(log, last.id, page, PAGE)),
  );
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
    await waitForSeq(channel_id);
    await loadInto(channel_id, query, (log, page) =>
      wishes.get(channel_id) === query ? { ...log, view: view(log, page) } : log,
    );
  });
}

/**
 * @param {number} channel_id @param {number} message_id
 * @returns {Promise<boolean>} whether it turned out that the message is gone
 */
export async function jumpTo(channel_id, message_id) {
  const shown = viewOf(logOf(channel_id).peek()).messages;
  wishes.delete(channel_id);
  if (shown.some(({ id }) => id === message_id)) return false;
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
  return jump(channel_id, `after=0&limit=${PAGE}`, (log, page) =>
    withNewer(log, { messages: [], has_older: false, has_newer: true }, page, PAGE),
  );
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
  for (let tries = 0; tries < UNREAD_TRIES_MAX; tries++) {
    const { events, last_seq } = await call('GET', `channels/${channel_id}/events?after=${after}&limit=500`);
    const first = events.find(
      (/** @type {any} */ { type, deleted, author_id }) =>
        type === 'message.created' && !deleted && author_id !== me.peek()?.id,
    );
    if (first) return first;
    const last = events.at(-1);
    after = last?.to ?? last?.seq ?? last_seq;
    if (after >= last_seq) return null;
  }
  return null;
}

/** @param {number} channel_id */
export async function loadPins(channel_id) {
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
  const shown = new Set(
    [...logOf(channel_id).peek().tail, ...viewOf(logOf(channel_id).peek()).messages].map(({ id }) => id),
  );
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
  update(channel_id, (log) => said.reduce(refreshed, log));
  onChanged(channel_id);
}

/**
 * @param {number} channel_id @param {number} id
 * @returns {Promise<Message[]>} nothing where it has been deleted: an entry says so
 */
const one = (channel_id, id) =>
  call('GET', `channels/${channel_id}/messages/${id}`).then(
    (message) => messagesOf([message]),
    (error) => (error instanceof ApiError && error.status === 404 ? [] : Promise.reject(error)),
  );

// What is missing between the last entry that was counted and those that are held.

/** @type {Set<number>} */
const repairing = new Set();

/** @param {number} channel_id */
export async function repair(channel_id) {
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
