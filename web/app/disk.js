// @ts-check
// What survives a reload: of each channel the last messages with their `seq`, drafts, what was read, and
// unacknowledged sends. One IndexedDB database per account, so that nothing of one is shown to another. Where it is
// refused, memory takes its place and says so.

export const LOGS_MAX = 500;
const STORES = /** @type {const} */ (['logs', 'outbox', 'values']);
const OPEN_MAX_MS = 3_000;
/** @typedef {'logs'|'outbox'|'values'} Store */

const prefix = () => `madang:${new URL('.', document.baseURI).pathname}:`;

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
    const opened = await open(prefix() + user_id);
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
export const read = (store, key) =>
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
 * @param {{channel_id: number, seq: number, tail: unknown[], tail_has_older: boolean, is_loaded: boolean}} log
 */
export function writeLog(log) {
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

/** Puts a log in place of a later state, after a `resync`. @param {number} channel_id */
export const eraseLog = (channel_id) => erase('logs', channel_id);

/** Wipes all that is kept of an account. @param {number} user_id */
export async function wipeDisk(user_id) {
  const name = prefix() + user_id;
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
    return Number(localStorage.getItem(`${prefix()}user`)) || null;
  } catch {
    return undefined;
  }
}

/** @param {number|null} user_id */
export function setLastUser(user_id) {
  try {
    if (user_id === null) localStorage.removeItem(`${prefix()}user`);
    else localStorage.setItem(`${prefix()}user`, String(user_id));
  } catch {
    // Without localStorage each visit begins with the node's answer.
  }
}
