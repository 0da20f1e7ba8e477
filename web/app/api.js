// @ts-check
// The two ways to the node: calls, and the gateway's socket. It knows neither a session nor a channel: who starts it
// gives the tokens, and who opens the gateway subscribes.

import { clockAhead } from './store.js';

/** @typedef {import('./reducer.js').Frame} Frame */
/** @typedef {import('./store.js').Connection} Connection */

// Calls. Every path is relative to the document. What fails is an ApiError; without an answer its status is 0 and its
// code `unreachable`. A call that is refused for its token is made once more with the next one; where a limit or a
// lack of room says when to come back, what may be repeated is repeated then.

const TIMEOUT_MS = 20_000;
const TRIES_MAX = 4;
/** The longest wait that one call keeps a person waiting. */
const WAIT_MAX_MS = 10_000;
/** Answers are dated to the second, and take a while. */
const CLOCK_STEP_MS = 5_000;
const REPEATABLE = new Set(['GET', 'PUT', 'PATCH', 'DELETE']);
const PASSING = new Set(['rate_limited', 'busy', 'unavailable', 'unconfirmed']);

export class ApiError extends Error {
  /**
   * @param {number} status @param {string} code @param {string} detail
   * @param {{fields?: {loc: (string|number)[], msg: string}[], retry_after_ms?: number}} [more]
   */
  constructor(status, code, detail, more = {}) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.fields = more.fields;
    this.retry_after_ms = more.retry_after_ms;
  }
}

/**
 * The session: who gives the token, and the next one.
 * @type {{token: () => string|null, renew: (used: string|null) => Promise<void>}}
 */
let session = { token: () => null, renew: async () => {} };

/** @param {typeof session} next */
export function useSession(next) {
  session = next;
}

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {string} method @param {string} path relative to the document, without a slash in front
 * @param {{body?: unknown, is_guest?: boolean, tries?: number, by?: string|null}} [options] `by`: this token and no
 *   next one
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, is_guest = false, tries = TRIES_MAX, by = null } = {}) {
  let isRenewed = false;
  for (let turn = 1; ; turn++) {
    if (!is_guest && !by && !session.token()) await session.renew(null);
    const token = is_guest ? null : (by ?? session.token());
    try {
      return await once(method, path, body, token);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401 && !is_guest && token && !by && !isRenewed) {
        isRenewed = true;
        await session.renew(token);
        continue;
      }
      const wait = error.retry_after_ms ?? 0;
      const isPassing = REPEATABLE.has(method) && PASSING.has(error.code) && wait <= WAIT_MAX_MS;
      if (!isPassing || turn >= tries) throw error;
      await sleep(wait + Math.random() * 250);
    }
  }
}

/** @param {string} method @param {string} path @param {unknown} body @param {string|null} token */
async function once(method, path, body, token) {
  const url = new URL(path, document.baseURI);
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: ending.signal,
      cache: 'no-store',
    });
    compareClocks(answer);
    const text = await answer.text();
    if (!answer.ok) throw errorOf(answer, text);
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, 'unreachable', 'The server cannot be reached');
  } finally {
    clearTimeout(timer);
  }
}

/** What an answer says about this browser's clock, to the second. @param {Response} answer */
function compareClocks(answer) {
  const ahead = Date.now() - Date.parse(answer.headers.get('date') ?? '');
  if (Math.abs(ahead - clockAhead.peek()) > CLOCK_STEP_MS) clockAhead.value = ahead;
}

/** @param {Response} answer @param {string} text @returns {ApiError} */
function errorOf(answer, text) {
  const seconds = Number(answer.headers.get('retry-after') ?? NaN);
  const retry_after_ms = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  /** @type {any} */
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    // Something in between has answered, a proxy whose node is away.
    const isAway = answer.status >= 500;
    return new ApiError(answer.status, isAway ? 'unreachable' : 'internal_error', `HTTP ${answer.status}`, {
      retry_after_ms,
    });
  }
  const fields = Array.isArray(said?.detail) ? said.detail : undefined;
  const detail = fields
    ? fields.map((/** @type {any} */ { msg }) => msg).join('; ')
    : String(said?.detail ?? `HTTP ${answer.status}`);
  return new ApiError(answer.status, String(said?.code ?? 'internal_error'), detail, { fields, retry_after_ms });
}

/** Whether an error says that nobody answered. @param {unknown} error */
export const isUnreachable = (error) =>
  error instanceof ApiError && (error.status === 0 || error.code === 'unreachable');

/** The socket's address. */
function gatewayUrl() {
  const url = new URL('gateway', document.baseURI);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  return url;
}

// The gateway: opens the socket, identifies, keeps it alive, and comes back as docs/PROTOCOL.md "Closing" says. Waits
// are random, grow, and end early when the network is back or the person asks.

/**
 * @typedef {{token: () => string|null, renew: (used: string|null) => Promise<void>,
 *   onFrame: (frame: Frame, text: string) => void, onState: (state: Connection) => void, onClosed: () => void,
 *   onStopped: (code: string, detail: string) => void}} Means
 *
 * `used` is the token that the socket was opened with. Before `notBefore` the node does not want to be asked; only the
 * person's wish goes beyond.
 * @typedef {Means & {socket: WebSocket|null, used: string|null, tries: number, isRefused: boolean, isEnded: boolean,
 *   isOpening: boolean, readyAt: number, renewedAt: number, notBefore: number, timer?: any, heartbeat?: any,
 *   deadline?: any}} Gateway
 */

const OPEN_MAX_MS = 15_000;
const PONG_MAX_MS = 10_000;
/** Where the browser says that the network is gone, which may be wrong. */
const OFFLINE_PONG_MAX_MS = 3_000;
/** After such a long life of a socket the next wait is short again. */
const STEADY_MS = 10_000;
/** After these the same would be refused again. */
const FINAL_CODES = new Set([1002, 1003, 1007, 1009, 4400, 4403, 4404]);
const SLOW_CODES = new Set([4429, 4430]);
/** No node wants a longer wait. */
const TOLD_MAX_MS = 10_000;

/** A random wait that grows, at most 45 s. @param {number} tries @param {() => number} [random] */
export const waitAfter = (tries, random = Math.random) => Math.min(1_000 * 2 ** tries, 30_000) * (0.5 + random());

/**
 * The wait that a node which restarts wants of this client, so that not all come back at once.
 * @param {number} code @param {string} reason @returns {number|undefined}
 */
export function waitTold(code, reason) {
  if (code !== 1012) return undefined;
  try {
    const { reconnect_after_ms: wait } = JSON.parse(reason);
    return wait >= 0 ? Math.min(wait, TOLD_MAX_MS) : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Means} means */
export function openGateway(means) {
  /** @type {Gateway} */
  const gateway = {
    ...means,
    socket: null,
    used: null,
    tries: 0,
    isRefused: false,
    isEnded: false,
    isOpening: false,
    readyAt: 0,
    renewedAt: -Infinity,
    notBefore: 0,
  };
  const retryNow = () => {
    if (gateway.socket) ping(gateway, 5_000);
    else void open(gateway);
  };
  const retryInTime = () => {
    if (gateway.socket || performance.now() >= gateway.notBefore) retryNow();
  };
  const onVisible = () => {
    if (document.visibilityState === 'visible') retryInTime();
  };
  const ending = new AbortController();
  const { signal } = ending;
  addEventListener('online', retryInTime, { signal });
  addEventListener('offline', () => ping(gateway, OFFLINE_PONG_MAX_MS), { signal });
  document.addEventListener('visibilitychange', onVisible, { signal });
  void open(gateway);

  return {
    /** @param {Frame} frame @returns {boolean} whether it went out */
    send(frame) {
      const { readyAt, socket } = gateway;
      if (!readyAt || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
    retryNow,
    close() {
      gateway.isEnded = true;
      ending.abort();
      clearTimeout(gateway.timer);
      clearTimeout(gateway.deadline);
      clearInterval(gateway.heartbeat);
      const { socket } = gateway;
      gateway.socket = null;
      socket?.close();
    },
  };
}

/** @param {Gateway} gateway */
async function open(gateway) {
  if (gateway.isEnded || gateway.isOpening || gateway.socket) return;
  clearTimeout(gateway.timer);
  gateway.isOpening = true;
  gateway.onState({ state: 'connecting' });
  try {
    if (!gateway.token()) await gateway.renew(null);
    // A browser does not show why a handshake was refused. A call is refused for the same reason.
    if (gateway.isRefused) await call('GET', 'users/me', { tries: 1 });
    gateway.isOpening = false;
    if (!gateway.isEnded) connect(gateway);
  } catch (error) {
    gateway.isOpening = false;
    const { status = 0, code = '', detail = '', retry_after_ms = 0 } = error instanceof ApiError ? error : {};
    // A 401 is the session's affair: it has ended, and says so.
    if (status === 401) return;
    if (status === 403 || status === 404) return stop(gateway, code, detail);
    openLater(gateway, retry_after_ms);
  }
}

/** @param {Gateway} gateway */
function connect(gateway) {
  const opened = new WebSocket(gatewayUrl());
  gateway.socket = opened;
  gateway.isRefused = true;
  gateway.readyAt = 0;
  gateway.used = gateway.token();
  gateway.deadline = setTimeout(() => drop(gateway, opened), OPEN_MAX_MS);
  opened.onopen = () => {
    gateway.isRefused = false;
    opened.send(JSON.stringify({ type: 'identify', token: gateway.used }));
  };
  opened.onmessage = ({ data }) => {
    if (opened === gateway.socket) take(gateway, data);
  };
  opened.onclose = ({ code, reason }) => {
    if (opened === gateway.socket) closed(gateway, code, reason);
  };
}

/** @param {Gateway} gateway @param {string} text */
function take(gateway, text) {
  /** @type {Frame} */
  const frame = JSON.parse(text);
  if (gateway.readyAt) clearTimeout(gateway.deadline);
  if (frame.type === 'pong') return;
  if (frame.type === 'ready') {
    clearTimeout(gateway.deadline);
    gateway.readyAt = performance.now();
    gateway.heartbeat = setInterval(() => ping(gateway, PONG_MAX_MS), frame.heartbeat_interval_ms);
  }
  gateway.onFrame(frame, text);
  if (frame.type === 'ready') gateway.onState({ state: 'live' });
}

/**
 * Without any answer until then the connection is lost, whatever the browser says.
 * @param {Gateway} gateway @param {number} wait_ms
 */
function ping(gateway, wait_ms) {
  const { readyAt, socket } = gateway;
  if (!readyAt || socket?.readyState !== WebSocket.OPEN) return;
  socket.send('{"type":"ping"}');
  clearTimeout(gateway.deadline);
  gateway.deadline = setTimeout(() => drop(gateway, socket), wait_ms);
}

/** A socket of which nothing is heard may take minutes to close. @param {Gateway} gateway @param {WebSocket} lost */
function drop(gateway, lost) {
  if (lost !== gateway.socket) return;
  lost.close();
  closed(gateway, 1006, '');
}

/** @param {Gateway} gateway @param {number} code @param {string} reason */
function closed(gateway, code, reason) {
  gateway.socket = null;
  clearTimeout(gateway.deadline);
  clearInterval(gateway.heartbeat);
  if (gateway.readyAt && performance.now() - gateway.readyAt > STEADY_MS) gateway.tries = 0;
  gateway.onClosed();
  if (gateway.isEnded) return;
  if (FINAL_CODES.has(code)) return stop(gateway, 'gateway_closed', `${code} ${reason}`);
  if (code === 4401) return void renewAndOpen(gateway);
  const told = waitTold(code, reason);
  openLater(gateway, told ?? (SLOW_CODES.has(code) ? 10_000 : 0), told !== undefined);
}

/** @param {Gateway} gateway */
async function renewAndOpen(gateway) {
  const isSoon = performance.now() - gateway.renewedAt < 5_000;
  gateway.renewedAt = performance.now();
  gateway.onState({ state: 'connecting' });
  try {
    await gateway.renew(gateway.used);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return;
    return openLater(gateway);
  }
  if (isSoon) openLater(gateway);
  else void open(gateway);
}

/**
 * A node that says when has spread its clients itself; who comes to no rest all the same waits longer each time.
 * @param {Gateway} gateway @param {number} [least] @param {boolean} [isTold]
 */
function openLater(gateway, least = 0, isTold = false) {
  if (gateway.isEnded) return;
  gateway.notBefore = performance.now() + least;
  const wait = least + (isTold && gateway.tries === 0 ? 0 : waitAfter(gateway.tries));
  gateway.tries++;
  gateway.onState({ state: 'offline', retry_at_ms: performance.now() + wait });
  clearTimeout(gateway.timer);
  gateway.timer = setTimeout(() => open(gateway), wait);
}

/** @param {Gateway} gateway @param {string} code @param {string} detail */
function stop(gateway, code, detail) {
  gateway.onState({ state: 'offline' });
  gateway.onStopped(code, detail);
}
