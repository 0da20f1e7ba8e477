// @ts-check
// The gateway's socket: opens it, identifies, keeps it alive, and comes back as docs/PROTOCOL.md "Closing" says. It
// knows no channel: who opens it subscribes on `onReady`. Waits are random, grow, and end early when the network is
// back or the person asks.
import { ApiError, call, gatewayUrl } from './api.js';

/** @typedef {import('./reducer.js').Frame} Frame */
/** @typedef {import('./store.js').Connection} Connection */
/**
 * @typedef {{token: () => string|null, renew: (used: string|null) => Promise<void>,
 *   onFrame: (frame: Frame, text: string) => void, onState: (state: Connection) => void, onClosed: () => void,
 *   onStopped: (code: string, detail: string) => void}} Means
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

/** A random wait that grows, at most 45 s. @param {number} tries @param {() => number} [random] */
export const waitAfter = (tries, random = Math.random) => Math.min(1_000 * 2 ** tries, 30_000) * (0.5 + random());

/** @param {Means} means */
export function openGateway({ token, renew, onFrame, onState, onClosed, onStopped }) {
  /** @type {WebSocket|null} */
  let socket = null;
  let tries = 0;
  let isRefused = false;
  let isEnded = false;
  let isOpening = false;
  let readyAt = 0;
  let renewedAt = -Infinity;
  /** The node does not want to be asked before; only the person's wish goes beyond. */
  let notBefore = 0;
  /** @type {any} */
  let timer;
  /** @type {any} */
  let heartbeat;
  /** @type {any} */
  let deadline;
  /** The token that the socket was opened with. @type {string|null} */
  let used = null;

  /** @param {number} [least] */
  function again(least = 0) {
    if (isEnded) return;
    notBefore = performance.now() + least;
    const wait = least + waitAfter(tries++);
    onState({ state: 'offline', retry_at_ms: performance.now() + wait });
    clearTimeout(timer);
    timer = setTimeout(open, wait);
  }

  /** @param {string} code @param {string} detail */
  function stop(code, detail) {
    onState({ state: 'offline' });
    onStopped(code, detail);
  }

  async function open() {
    if (isEnded || isOpening || socket) return;
    clearTimeout(timer);
    isOpening = true;
    onState({ state: 'connecting' });
    try {
      if (!token()) await renew(null);
      // A browser does not show why a handshake was refused. A call is refused for the same reason.
      if (isRefused) await call('GET', 'users/me', { tries: 1 });
      isOpening = false;
      if (!isEnded) connect();
    } catch (error) {
      isOpening = false;
      const { status = 0, code = '', detail = '', retry_after_ms = 0 } = error instanceof ApiError ? error : {};
      // A 401 is the session's affair: it has ended, and says so.
      if (status === 401) return;
      if (status === 403 || status === 404) return stop(code, detail);
      again(retry_after_ms);
    }
  }

  function connect() {
    const opened = new WebSocket(gatewayUrl());
    socket = opened;
    isRefused = true;
    readyAt = 0;
    used = token();
    deadline = setTimeout(() => drop(opened), OPEN_MAX_MS);
    opened.onopen = () => {
      isRefused = false;
      opened.send(JSON.stringify({ type: 'identify', token: used }));
    };
    opened.onmessage = ({ data }) => {
      if (opened === socket) take(data);
    };
    opened.onclose = ({ code, reason }) => {
      if (opened === socket) closed(code, reason);
    };
  }

  /** @param {string} text */
  function take(text) {
    /** @type {Frame} */
    const frame = JSON.parse(text);
    if (readyAt) clearTimeout(deadline);
    if (frame.type === 'pong') return;
    if (frame.type === 'ready') {
      clearTimeout(deadline);
      readyAt = performance.now();
      heartbeat = setInterval(() => ping(PONG_MAX_MS), frame.heartbeat_interval_ms);
    }
    onFrame(frame, text);
    if (frame.type === 'ready') onState({ state: 'live' });
  }

  /** Without any answer until then the connection is lost, whatever the browser says. @param {number} wait_ms */
  function ping(wait_ms) {
    if (!readyAt || socket?.readyState !== WebSocket.OPEN) return;
    const pinged = socket;
    pinged.send('{"type":"ping"}');
    clearTimeout(deadline);
    deadline = setTimeout(() => drop(pinged), wait_ms);
  }

  /** A socket of which nothing is heard may take minutes to close. @param {WebSocket} lost */
  function drop(lost) {
    if (lost !== socket) return;
    lost.close();
    closed(1006, '');
  }

  /** @param {number} code @param {string} reason */
  function closed(code, reason) {
    socket = null;
    clearTimeout(deadline);
    clearInterval(heartbeat);
    if (readyAt && performance.now() - readyAt > STEADY_MS) tries = 0;
    onClosed();
    if (isEnded) return;
    if (FINAL_CODES.has(code)) return stop('gateway_closed', `${code} ${reason}`);
    if (code === 4401) return void renewAndOpen();
    again(SLOW_CODES.has(code) ? 10_000 : 0);
  }

  async function renewAndOpen() {
    const isSoon = performance.now() - renewedAt < 5_000;
    renewedAt = performance.now();
    onState({ state: 'connecting' });
    try {
      await renew(used);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return;
      return again();
    }
    if (isSoon) again();
    else void open();
  }

  const retryNow = () => {
    if (socket) ping(5_000);
    else void open();
  };
  const retryInTime = () => {
    if (socket || performance.now() >= notBefore) retryNow();
  };
  const onOffline = () => ping(OFFLINE_PONG_MAX_MS);
  const onVisible = () => {
    if (document.visibilityState === 'visible') retryInTime();
  };
  addEventListener('online', retryInTime);
  addEventListener('offline', onOffline);
  document.addEventListener('visibilitychange', onVisible);
  void open();

  return {
    /** @param {Frame} frame @returns {boolean} whether it went out */
    send(frame) {
      if (!readyAt || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
    retryNow,
    close() {
      isEnded = true;
      clearTimeout(timer);
      clearTimeout(deadline);
      clearInterval(heartbeat);
      removeEventListener('online', retryInTime);
      removeEventListener('offline', onOffline);
      document.removeEventListener('visibilitychange', onVisible);
      const open = socket;
      socket = null;
      open?.close();
    },
  };
}
