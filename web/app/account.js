// @ts-check
// From the first moment to being in, and out again. An account's data is shown when the node has said that its
// session goes on, or when the node cannot be reached; never when it has said no.
import { ApiError, call, isUnreachable } from './api.js';
import { closeDisk, lastUser, setLastUser, wipeDisk } from './disk.js';
import { closeSession, forgetToken, openSession, resume, startSession, tellSession } from './session.js';
import { waitAfter } from './socket.js';
import { connection, me, phase } from './store.js';
import { enter, leave, retryNow as retryGateway, showKept } from './sync.js';

/** Longer than this nobody is kept from what the disk has. */
const PATIENCE_MS = 2_000;

/** Each start, login and logout ends what the one before was about. */
let generation = 0;
/** @type {(() => void)|null} */
let wake = null;
/** The node does not want to be asked before; only the person's wish goes beyond. */
let wakeFrom = 0;

export function retryNow() {
  wake?.();
  retryGateway();
}

export async function start() {
  startSession({ onEnd: () => signOut(), onSwitch });
  addEventListener('online', () => performance.now() >= wakeFrom && wake?.());
  await begin();
}

async function begin() {
  const turn = ++generation;
  for (let tries = 0; turn === generation; tries++) {
    try {
      const last = lastUser();
      // Where nobody was logged in there is no session to ask for; whether the node is there is asked all the same.
      if (last === null) {
        await call('GET', 'healthz', { is_guest: true }).catch((error) =>
          isUnreachable(error) ? Promise.reject(error) : null,
        );
        return signOut();
      }
      const resumed = resume();
      if (last !== undefined) return await beginAs(last, resumed);
      await resumed;
      const profile = await call('GET', 'users/me');
      if (turn === generation) await beAccount(profile);
      return;
    } catch (error) {
      if (turn !== generation) return;
      if (error instanceof ApiError && [401, 403].includes(error.status)) return signOut();
      await waitUnreachable(waitAfter(tries), error);
    }
  }
}

/**
 * With what the disk has, whether the node answers or not; where it has nothing, with the node's answer.
 * @param {number} last @param {Promise<void>} resumed
 */
async function beginAs(last, resumed) {
  const turn = generation;
  const error = /** @type {any} */ (
    await Promise.race([
      resumed.then(
        () => null,
        (reason) => reason,
      ),
      pause(PATIENCE_MS),
    ])
  );
  if (turn !== generation) return;
  if (error && !isUnreachable(error) && error.status < 500) throw error;
  const isKept = await showKept(last, () => turn === generation);
  if (turn !== generation) return;
  if (isKept) {
    phase.value = 'in';
    await enter(last, restart);
    return;
  }
  await resumed;
  const profile = await call('GET', 'users/me');
  if (turn === generation) await beAccount(profile);
}

/** @param {import('./store.js').Profile} profile */
async function beAccount(profile) {
  const turn = generation;
  setLastUser(profile.id);
  await showKept(profile.id, () => turn === generation);
  if (turn !== generation) return;
  me.value = profile;
  phase.value = 'in';
  await enter(profile.id, restart);
}

/** @param {number} wait @param {unknown} error */
async function waitUnreachable(wait, error) {
  const least = error instanceof ApiError ? (error.retry_after_ms ?? 0) : 0;
  wakeFrom = performance.now() + least;
  phase.value = 'unreachable';
  connection.value = { state: 'offline', retry_at_ms: performance.now() + least + wait };
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, least + wait);
    wake = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
  });
  wake = null;
  connection.value = { state: 'connecting' };
}

/** @param {number} ms @returns {Promise<null>} */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms, null));

/** The node knows this session as somebody else's: nothing of the one before stays. @param {number} user_id */
function restart(user_id) {
  setLastUser(user_id);
  generation += 1;
  leave();
  location.reload();
}

/** @param {number|null} user_id who is logged in in another tab now */
function onSwitch(user_id) {
  if (user_id === null) return signOut();
  if (me.peek()?.id === user_id && phase.peek() === 'in') return;
  generation += 1;
  leave();
  location.reload();
}

/** The session is over; the place stays, and what is on disk for the same account. */
export function signOut() {
  generation += 1;
  forgetToken();
  leave();
  closeDisk();
  phase.value = 'signed_out';
}

/** @param {{username: string, password: string}} login */
export async function logIn(login) {
  setLastUser(null);
  await openSession(login);
  const profile = await call('GET', 'users/me');
  generation += 1;
  await beAccount(profile);
  tellSession(profile.id);
}

export async function logOut() {
  const id = me.peek()?.id ?? lastUser();
  try {
    await closeSession();
  } catch (error) {
    // Where the node has ended the session before, there is nothing to stay in.
    if (phase.peek() !== 'signed_out') throw error;
  }
  await forgetAccount(id);
}

/** Wipes what this browser keeps of the account. @param {number|null} [id] whose, where it is signed out already */
export async function forgetAccount(id = me.peek()?.id ?? lastUser()) {
  setLastUser(null);
  tellSession(null);
  generation += 1;
  forgetToken();
  leave();
  phase.value = 'signed_out';
  if (id) await wipeDisk(id);
}
