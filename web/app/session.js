// @ts-check
// The login: the access token is in memory alone, the refresh token in a cookie that no script sees. All tabs share
// one refresh: it runs under a Web Lock, and its answer goes to all of them. Times are durations on the monotonic
// clock, never the computer's date.
import { ApiError, call, isUnreachable, useSession } from './api.js';
import { lastUser, setLastUser } from './disk.js';
import { me } from './store.js';
import { exclusively, isHeldElsewhere, onTab, tellTabs } from './tabs.js';

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
/** @type {() => void} */
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
 * @param {{onEnd: () => void,
 *   onSwitch: (user_id: number|null) => void}} callbacks `onEnd`: one has to log in again; `onSwitch`: another tab
 *   has logged in or out
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
    while (!token && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
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
      onEnd();
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
