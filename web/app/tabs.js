// @ts-check
// Several tabs of one browser: one holds the gateway (a Web Lock), the others hear its frames (BroadcastChannel).
// Where either is missing a tab does all of it alone. A holder that does not answer a tab in sight within some
// seconds is frozen, and its lock is taken.

/** @typedef {{kind: string, [field: string]: any}} TabMessage */

const HOLDER_SILENT_MS = 3_000;
/** Longer than two calls take: who holds a lock still is suspended. */
const LOCK_MAX_MS = 45_000;
const name = () => `madang:${new URL('.', document.baseURI).pathname}`;

/** @type {BroadcastChannel|null} */
let bus = null;
/** @type {Map<string, (message: any) => void>} */
const handlers = new Map();

export const canShare = () => 'BroadcastChannel' in globalThis && Boolean(navigator.locks);

/** @param {string} kind @param {(message: any) => void} handler */
export function onTab(kind, handler) {
  handlers.set(kind, handler);
  if (bus || !canShare()) return;
  bus = new BroadcastChannel(name());
  bus.onmessage = ({ data }) => handlers.get(data?.kind)?.(data);
}

/** To all other tabs. @param {TabMessage} message */
export function tellTabs(message) {
  bus?.postMessage(message);
}

/**
 * Runs `work` while no other tab does the same, unless that one is suspended in the middle of it.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function exclusively(what, work) {
  if (!navigator.locks) return work();
  const lock = `${name()}:${what}`;
  /** @type {Promise<T>|undefined} */
  let run;
  const begin = () => (run = work());
  // Where the lock is taken away the work goes on, and its end is what counts.
  const take = (/** @type {LockOptions} */ options) =>
    navigator.locks.request(lock, options, begin).catch((error) => run ?? Promise.reject(error));
  return take({ signal: AbortSignal.timeout?.(LOCK_MAX_MS) }).catch(() => run ?? take({ steal: true }));
}

/** Whether another tab holds a gateway. @returns {Promise<boolean>} */
export async function isHeldElsewhere() {
  if (!canShare()) return false;
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name?.startsWith(`${name()}:gateway:`));
}

/**
 * Waits to be the tab that holds the gateway of a user.
 * @param {number} user_id
 * @param {{onHold: () => void, onLose: () => void,
 *   ask: () => void}} callbacks `ask` asks the holder for a sign of life
 * @returns {{heard: () => void, leave: () => void}} `heard`: the holder has given one
 */
export function standFor(user_id, { onHold, onLose, ask }) {
  if (!canShare()) {
    onHold();
    return { heard: () => {}, leave: () => {} };
  }
  const lock = `${name()}:gateway:${user_id}`;
  const leaving = new AbortController();
  /** @type {() => void} */
  let release = () => {};
  let isHolder = false;
  let hasLeft = false;
  /** @type {any} */
  let timer;

  const hold = () =>
    new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      if (hasLeft) return resolve();
      release = resolve;
      isHolder = true;
      clearTimeout(timer);
      onHold();
    });
  const stand = (/** @type {boolean} */ steal) => {
    navigator.locks.request(lock, steal ? { steal } : { signal: leaving.signal }, hold).catch(() => {
      // Another tab took it while this one was frozen; or this one has left.
      if (hasLeft || !isHolder) return;
      isHolder = false;
      onLose();
      stand(false);
    });
  };
  const check = () => {
    if (isHolder || hasLeft || document.visibilityState !== 'visible') return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!isHolder && !hasLeft && document.visibilityState === 'visible') stand(true);
    }, HOLDER_SILENT_MS);
    ask();
  };
  stand(false);
  // The lock is there within a moment where nobody holds it.
  timer = setTimeout(check, 50);
  document.addEventListener('visibilitychange', check);
  return {
    heard: () => clearTimeout(timer),
    leave: () => {
      hasLeft = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', check);
      release();
      leaving.abort();
    },
  };
}

let user_id = 0;

/** Whose tabs hear what `tell` says; 0: nobody's. @param {number} id */
export const setTabUser = (id) => void (user_id = id);

/** To the other tabs of the same user. @param {TabMessage} message */
export const tell = (message) => tellTabs({ ...message, user_id });

/** @param {string} kind @param {(message: any) => void} handler */
export const hear = (kind, handler) =>
  onTab(kind, (message) => {
    if (user_id && message.user_id === user_id) handler(message);
  });
