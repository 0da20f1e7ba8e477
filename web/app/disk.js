// @ts-check
// What survives a reload: of each channel the last messages with their `seq`, drafts, edits, what was read, and
// unacknowledged sends; and the language and the theme.
import { batch } from '../vendor/signals.js';
import {
  channels, drafts, edits, holders, logOf, me, people, preferences, reads, replies, roles, scope, servers,
} from './store.js';

// The disk: one IndexedDB database per account, so that nothing of one is shown to another. Where it is refused,
// memory takes its place and says so.

const STORES = /** @type {const} */ (['logs', 'outbox', 'values']);
const OPEN_MAX_MS = 3_000;
/** @typedef {'logs'|'outbox'|'values'} Store */

/** @type {IDBDatabase|null} */
let database = null;
/** Each opening and closing ends what the one before was about. */
let turn = 0;
/** @type {Record<Store, Map<any, any>>} */
let memory = { logs: new Map(), outbox: new Map(), values: new Map() };
/** @type {(kind: 'disk'|'memory') => void} */
let tellKind = () => {};

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answerOf = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {string} name @returns {Promise<IDBDatabase>} */
function open(name) {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new Error('IndexedDB does not answer'));
    }, OPEN_MAX_MS);
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      clearTimeout(timer);
      // Nobody would close it, and it could not be wiped.
      if (isLate) request.result.close();
      resolve(request.result);
    };
  });
}

/** @param {number} user_id @param {(kind: 'disk'|'memory') => void} onKind */
export async function openDisk(user_id, onKind) {
  tellKind = onKind;
  closeDisk();
  const now = turn;
  try {
    const opened = await open(`${scope()}:${user_id}`);
    if (now !== turn) return opened.close();
    // Another tab logs out: it waits until nobody holds the database.
    opened.onversionchange = () => {
      opened.close();
      if (database === opened) closeDisk();
    };
    opened.onclose = () => lose(opened);
    database = opened;
    tellKind('disk');
  } catch {
    if (now === turn) lose(null);
  }
}

export function closeDisk() {
  turn += 1;
  database?.close();
  database = null;
  memory = { logs: new Map(), outbox: new Map(), values: new Map() };
}

/** @param {IDBDatabase|null} lost */
function lose(lost) {
  lost?.close();
  if (database !== lost) return;
  database = null;
  tellKind('memory');
}

/**
 * @template T @param {Store} store @param {'readonly'|'readwrite'} mode
 * @param {(store: IDBObjectStore) => Promise<T>} work @param {() => T} instead
 */
async function within(store, mode, work, instead) {
  const opened = database;
  if (!opened) return instead();
  try {
    return await work(opened.transaction(store, mode, { durability: 'relaxed' }).objectStore(store));
  } catch (error) {
    console.warn('The browser does not keep data:', error);
    lose(opened);
    return instead();
  }
}

/** @param {Store} store @param {any} key @returns {Promise<any>} */
const read = (store, key) =>
  within(
    store,
    'readonly',
    (at) => answerOf(at.get(key)),
    () => memory[store].get(key),
  );

/** @param {Store} store @returns {Promise<any[]>} */
export const readAll = (store) =>
  within(
    store,
    'readonly',
    (at) => answerOf(at.getAll()),
    () => [...memory[store].values()],
  );

/** Written at once, also where the page goes away. @param {IDBObjectStore} at @param {any} value @param {any} key */
function putIn(at, value, key) {
  const answer = answerOf(at.put(value, key));
  at.transaction.commit?.();
  return answer;
}

/** @param {Store} store @param {any} key @param {any} value @returns {Promise<unknown>} */
export function write(store, key, value) {
  return within(
    store,
    'readwrite',
    (at) => putIn(at, value, key),
    () => void memory[store].set(key, value),
  );
}

/** @param {Store} store @param {any} key @returns {Promise<unknown>} */
export const erase = (store, key) =>
  within(
    store,
    'readwrite',
    (at) => answerOf(at.delete(key)),
    () => memory[store].delete(key),
  );

/**
 * Keeps a log, unless another tab has kept a later state of it.
 * @param {{channel_id: number, seq: number, epoch?: string, tail: unknown[], tail_has_older: boolean,
 *   is_loaded: boolean}} log
 */
function writeLog(log) {
  return within(
    'logs',
    'readwrite',
    async (at) => {
      const kept = await answerOf(at.get(log.channel_id));
      if (kept && (kept.seq > log.seq || (kept.seq === log.seq && kept.tail.length > log.tail.length))) return;
      await putIn(at, log, log.channel_id);
    },
    () => void memory.logs.set(log.channel_id, log),
  );
}

/** Forgets a log: after a `resync` an earlier state takes its place. @param {number} channel_id */
export const eraseLog = (channel_id) => erase('logs', channel_id);

/** Wipes all that is kept of an account. @param {number} user_id */
export async function wipeDisk(user_id) {
  const name = `${scope()}:${user_id}`;
  if (database?.name === name) {
    // Where another tab is suspended and keeps the database, it is empty at least.
    try {
      const all = database.transaction(STORES, 'readwrite');
      for (const store of STORES) all.objectStore(store).clear();
    } catch (error) {
      console.warn('The browser does not keep data:', error);
    }
  }
  closeDisk();
  if (!globalThis.indexedDB) return;
  await new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = request.onblocked = () => resolve(undefined);
  });
}

// A name in localStorage: which account's data is kept here. It is no secret and no proof.
/** @returns {number|null|undefined} null: nobody; undefined: the browser does not let the page keep anything */
export function lastUser() {
  try {
    return Number(localStorage.getItem(`${scope()}:user`)) || null;
  } catch {
    return undefined;
  }
}

/** @param {number|null} user_id */
export function setLastUser(user_id) {
  try {
    if (user_id === null) localStorage.removeItem(`${scope()}:user`);
    else localStorage.setItem(`${scope()}:user`, String(user_id));
  } catch {
    // Without localStorage each visit begins with the node's answer.
  }
}

// The state: what has changed is written a moment later, and when the page goes out of sight; the next visit shows it
// again.

const LOGS_MAX = 500;
const KEEP_AFTER_MS = 400;
const RECENT_MAX = 500;

/** The channels in the order in which they were opened, the last one at the end. @type {number[]} */
let recent = [];
/** @type {Set<number>} */
const dirtyLogs = new Set();
/** @type {Set<string>} */
const dirtyValues = new Set();
/** @type {any} */
let timer = null;

/** @type {Record<string, () => unknown>} */
const VALUES = {
  reads: () => reads.peek(),
  drafts: () => drafts.peek(),
  edits: () => edits.peek(),
  replies: () => replies.peek(),
  recent: () => recent,
  people: () => people.peek(),
  state: () => ({
    me: me.peek(),
    servers: servers.peek(),
    channels: channels.peek(),
    roles: roles.peek(),
    holders: holders.peek(),
  }),
};

/** @param {'reads'|'drafts'|'edits'|'replies'|'recent'|'people'|'state'} value */
export function keepSoon(value) {
  dirtyValues.add(value);
  timer ??= setTimeout(keepNow, KEEP_AFTER_MS);
}

/** @param {number} channel_id */
export function keepLogSoon(channel_id) {
  dirtyLogs.add(channel_id);
  timer ??= setTimeout(keepNow, KEEP_AFTER_MS);
}

function keepNow() {
  clearTimeout(timer);
  timer = null;
  if (!me.peek()) return;
  for (const value of dirtyValues) void write('values', value, VALUES[value]());
  for (const id of dirtyLogs) {
    const { channel_id, seq, epoch, tail, tail_has_older, is_loaded } = logOf(id).peek();
    if (seq !== null) void writeLog({ channel_id, seq, epoch, tail, tail_has_older, is_loaded });
  }
  dirtyValues.clear();
  dirtyLogs.clear();
}

/** What waits is not written any more. */
export function stopKeeping() {
  clearTimeout(timer);
  timer = null;
  dirtyLogs.clear();
  dirtyValues.clear();
  recent = [];
}

/** @param {() => boolean} isStill whether it is wanted still @returns {Promise<boolean>} whether there was something */
export async function restore(isStill) {
  const maps = { reads, drafts, edits, replies, people };
  const [state, keptRecent, logs, ...kept] = await Promise.all([
    read('values', 'state'),
    read('values', 'recent'),
    readAll('logs'),
    ...Object.keys(maps).map((name) => read('values', name)),
  ]);
  if (!isStill() || !state?.me || me.peek()) return false;
  batch(() => {
    me.value = state.me;
    servers.value = state.servers;
    channels.value = state.channels;
    roles.value = state.roles ?? new Map();
    holders.value = state.holders ?? new Map();
    Object.values(maps).forEach((map, index) => (map.value = kept[index] ?? new Map()));
    recent = keptRecent ?? [];
    logs.sort((a, b) => openedAt(b.channel_id) - openedAt(a.channel_id));
    for (const { channel_id } of logs.splice(LOGS_MAX)) void eraseLog(channel_id);
    for (const log of logs) {
      if (!state.channels.has(log.channel_id)) void eraseLog(log.channel_id);
      else logOf(log.channel_id).value = { ...logOf(log.channel_id).peek(), ...log };
    }
  });
  return true;
}

/** @param {number} channel_id */
export function noteOpened(channel_id) {
  recent = [...recent.filter((id) => id !== channel_id), channel_id].slice(-RECENT_MAX);
  keepSoon('recent');
}

/** A larger number for what was opened later; -1 for what was not. @param {number} channel_id */
export const openedAt = (channel_id) => recent.indexOf(channel_id);

/** What waits is written when the page goes out of sight: it may not come back. */
export function startKeeping() {
  // Of what is begun at `pagehide` a browser finishes little.
  for (const event of ['beforeunload', 'pagehide']) addEventListener(event, keepNow);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden' && timer !== null) keepNow();
  });
}

// The language and the theme, which belong to the browser and not to an account.

const preferencesKey = () => `${scope()}:preferences`;

export function startPreferences() {
  readPreferences();
  // Another tab has changed them.
  addEventListener('storage', (event) => {
    if (event.key === preferencesKey()) readPreferences();
  });
}

function readPreferences() {
  /** @type {import('./store.js').Preferences} */
  const next = { language: navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en', theme: 'system' };
  try {
    const kept = JSON.parse(localStorage.getItem(preferencesKey()) ?? '{}');
    if (kept.language === 'en' || kept.language === 'ko') next.language = kept.language;
    if (kept.theme === 'light' || kept.theme === 'dark') next.theme = kept.theme;
  } catch {
    // Without localStorage each visit begins with what the browser says.
  }
  preferences.value = next;
}

/** @param {Partial<import('./store.js').Preferences>} change */
function changePreferences(change) {
  preferences.value = { ...preferences.peek(), ...change };
  try {
    localStorage.setItem(preferencesKey(), JSON.stringify(preferences.peek()));
  } catch {
    // It holds as long as the page is open.
  }
}

/** @param {'en'|'ko'} language */
export const setLanguage = (language) => changePreferences({ language });
/** @param {'system'|'light'|'dark'} theme */
export const setTheme = (theme) => changePreferences({ theme });
