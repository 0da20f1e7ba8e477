// @ts-check
// The login, and the tabs of one browser that share it.
import { ApiError, call, isUnreachable, sleep, useSession } from './api.js';
import { lastUser, setLastUser } from './disk.js';
import { me, scope } from './store.js';

// Tabs: one holds the gateway (a Web Lock), the others hear its frames (BroadcastChannel). Where either is missing a
// tab does all of it alone. A holder that does not answer a tab in sight within some seconds is frozen, and its lock
// is taken.

/** @typedef {{kind: string, [field: string]: any}} TabMessage */

const HOLDER_SILENT_MS = 3_000;
/** Longer than two calls take: who holds a lock still is suspended. */
const LOCK_MAX_MS = 45_000;

/** @type {BroadcastChannel|null} */
let bus = null;
/** @type {Map<string, (message: any) => void>} */
const handlers = new Map();

const canShare = () => 'BroadcastChannel' in globalThis && Boolean(navigator.locks);

/** @param {string} kind @param {(message: any) => void} handler */
function onTab(kind, handler) {
  handlers.set(kind, handler);
  if (bus || !canShare()) return;
  bus = new BroadcastChannel(scope());
  bus.onmessage = ({ data }) => handlers.get(data?.kind)?.(data);
}

/** To all other tabs. @param {TabMessage} message */
function tellTabs(message) {
  bus?.postMessage(message);
}

/**
 * Runs `work` while no other tab does the same, unless that one is suspended in the middle of it.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function exclusively(what, work) {
  if (!navigator.locks) return work();
  const lock = `${scope()}:${what}`;
  /** @type {Promise<T>|undefined} */
  let run;
  const begin = () => (run = work());
  // Where the lock is taken away the work goes on, and its end is what counts.
  const take = (/** @type {LockOptions} */ options) =>
    navigator.locks.request(lock, options, begin).catch((error) => run ?? Promise.reject(error));
  return take({ signal: AbortSignal.timeout?.(LOCK_MAX_MS) }).catch(() => run ?? take({ steal: true }));
}

/** Whether another tab holds a gateway. @returns {Promise<boolean>} */
async function isHeldElsewhere() {
  if (!canShare()) return false;
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name?.startsWith(`${scope()}:gateway:`));
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
  const lock = `${scope()}:gateway:${user_id}`;
  const leaving = new AbortController();
  /** @type {() => void} */
  let release = () => {};
  let isHolder = false;
  let hasLeft = false;
  /** @type {any} */
  let timer;

  /** @param {Lock|null} got */
  const hold = (got) => {
    if (!got) {
      stand(false);
      check();
      return undefined;
    }
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      if (hasLeft) return resolve();
      release = resolve;
      isHolder = true;
      clearTimeout(timer);
      onHold();
    });
  };
  const request = (/** @type {LockOptions} */ options) => {
    navigator.locks.request(lock, options, hold).catch(() => {
      // Another tab took it while this one was frozen; or this one has left.
      if (hasLeft || !isHolder) return;
      isHolder = false;
      onLose();
      stand(false);
    });
  };
  const stand = (/** @type {boolean} */ steal) => request(steal ? { steal } : { signal: leaving.signal });
  const check = () => {
    if (isHolder || hasLeft || document.visibilityState !== 'visible') return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!isHolder && !hasLeft && document.visibilityState === 'visible') stand(true);
    }, HOLDER_SILENT_MS);
    ask();
  };
  // Where nobody holds the lock it is there; else the holder is asked at once.
  request({ ifAvailable: true });
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

let tabUser = 0;

/** Whose tabs hear what `tell` says; 0: nobody's. @param {number} id */
export const setTabUser = (id) => void (tabUser = id);

/** To the other tabs of the same user. @param {TabMessage} message */
export const tell = (message) => tellTabs({ ...message, user_id: tabUser });

/** @param {string} kind @param {(message: any) => void} handler */
export const hear = (kind, handler) =>
  onTab(kind, (message) => {
    if (tabUser && message.user_id === tabUser) handler(message);
  });

// The login: the access token is in memory alone, the refresh token in a cookie that no script sees. All tabs share
// one refresh: it runs under a lock, and its answer goes to all of them. Times are durations on the monotonic clock,
// never the computer's date.

const ASK_MAX_MS = 300;
/** A timer beyond this fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** @type {{access_token: string, ends_at_ms: number}|null} */
let token = null;
/** @type {any} */
let renewTimer;
/** @type {Promise<void>|null} */
let renewing = null;
/** Nobody is logged in: there is nothing to renew. */
let isOver = true;
/** @type {(error: ApiError) => void} */
let onEnd = () => {};
/** @type {(user_id: number|null) => void} */
let onSwitch = () => {};

export const tokenValue = () => token?.access_token ?? null;

/** @param {string} access_token @param {number} lasts_ms */
function keep(access_token, lasts_ms) {
  isOver = false;
  token = { access_token, ends_at_ms: performance.now() + lasts_ms };
  clearTimeout(renewTimer);
  renewTimer = setTimeout(
    () => void renew(access_token).catch(() => {}),
    Math.min(Math.max(lasts_ms * 0.9, 1_000), TIMER_MAX_MS),
  );
}

function share() {
  if (token) {
    tellTabs({
      kind: 'token',
      user_id: me.peek()?.id,
      access_token: token.access_token,
      lasts_ms: token.ends_at_ms - performance.now(),
    });
  }
}

/**
 * @param {{onEnd: (error: ApiError) => void,
 *   onSwitch: (user_id: number|null) => void}} callbacks `onEnd`: one has to log in again, and why; `onSwitch`: another
 *   tab has logged in or out
 */
export function startSession(callbacks) {
  ({ onEnd, onSwitch } = callbacks);
  useSession({ token: tokenValue, renew });
  onTab('token?', share);
  onTab('token', ({ access_token, lasts_ms, user_id }) => {
    if (isOver || (me.peek() && user_id !== me.peek()?.id)) return;
    if (lasts_ms > 0 && access_token !== token?.access_token) keep(access_token, lasts_ms);
  });
  onTab('session', ({ user_id }) => onSwitch(user_id));
}

/** Takes the token of another tab, or gets one with the cookie. @throws {ApiError} 401 where nobody is logged in */
export async function resume() {
  isOver = false;
  if (token) return;
  if (await isHeldElsewhere()) {
    tellTabs({ kind: 'token?' });
    const until = performance.now() + ASK_MAX_MS;
    while (!token && performance.now() < until) await sleep(10);
  }
  if (!token) await renew(null);
}

const nobody = () => new ApiError(401, 'not_authenticated', 'Nobody is logged in');

/** Gets the next token, unless there is one already beside the one that was used. @param {string|null} used */
export async function renew(used) {
  if (isOver) throw nobody();
  renewing ??= exclusively('refresh', async () => {
    if (isOver) throw nobody();
    if (token && token.access_token !== used) return;
    await refresh();
    share();
  }).finally(() => {
    renewing = null;
  });
  await renewing;
  // What one has asked for is not asked for again by somebody else.
  if (used && token && userOf(used) !== userOf(token.access_token)) throw nobody();
}

/** Whose token it is, where it says so. @param {string} access_token @returns {number|null} */
export function userOf(access_token) {
  try {
    const claims = access_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    return Number(JSON.parse(atob(claims)).sub) || null;
  } catch {
    return null;
  }
}

async function refresh() {
  const ask = () => call('POST', 'auth/refresh', { body: { cookie: true }, is_guest: true });
  try {
    // Where no answer came the same token is good once more.
    const said = await ask().catch((error) => (isUnreachable(error) ? ask() : Promise.reject(error)));
    keep(said.access_token, said.expires_in * 1000);
    // The cookie is one for all tabs: somebody else may have logged in with it.
    const user_id = userOf(said.access_token) ?? lastUser();
    if (me.peek() && user_id !== undefined && user_id !== me.peek()?.id) {
      if (user_id) setLastUser(user_id);
      onSwitch(user_id);
    }
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      forgetToken();
      onEnd(error);
    } else if (token) {
      clearTimeout(renewTimer);
      const used = token.access_token;
      renewTimer = setTimeout(() => void renew(used).catch(() => {}), 5_000 + Math.random() * 10_000);
    }
    throw error;
  }
}

export function forgetToken() {
  isOver = true;
  token = null;
  clearTimeout(renewTimer);
}

/** @param {{username: string, password: string}} login */
export async function openSession({ username, password }) {
  // The refresh of another tab neither takes the place of this login nor ends it.
  await exclusively('refresh', async () => {
    const said = await call('POST', 'auth/login', { body: { username, password, cookie: true }, is_guest: true });
    keep(said.access_token, said.expires_in * 1000);
  });
}

/** To all other tabs: who is logged in now. @param {number|null} user_id */
export const tellSession = (user_id) => tellTabs({ kind: 'session', user_id });

/**
 * Ends the login at the node. Only the node can take the cookie away: where it cannot be reached, one stays logged
 * in.
 */
export async function closeSession() {
  const id = me.peek()?.id;
  const end = () => call('POST', 'auth/logout', { by: tokenValue() });
  const refreshSame = async () => {
    await refresh();
    if (me.peek()?.id !== id) throw new Error('Somebody else is logged in');
  };
  await exclusively('refresh', async () => {
    try {
      if (!token) await refreshSame();
      await end().catch(async (error) => {
        if (error.status !== 401) throw error;
        await refreshSame();
        await end();
      });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
    }
    forgetToken();
  });
}
