// @ts-check
// All that the views of the first screen may do; what only dialogs do is in administration.js. What fails is thrown as
// an ApiError: {status, code, detail, fields?: [{loc, msg}], retry_after_ms?}.
import { effect } from '../vendor/signals.js';
import { ApiError, call, isUnreachable, waitAfter } from './api.js';
import { closeDisk, lastUser, openedAt, setLastUser, wipeDisk } from './disk.js';
import { send, setEdit } from './outbox.js';
import * as pages from './pages.js';
import { closeSession, forgetToken, openSession, resume, startSession, tellSession } from './session.js';
import {
  channels, connection, edits, ending, foreign, hashOf, me, notify, phase, place, placeOf, servers,
} from './store.js';
import { channelOpened, enter, leave, retryNow as retryGateway, showKept } from './sync.js';

/** @typedef {import('./store.js').Place} Place */

export { REPLY_GONE, discardSend as discard, sendAgain as tryAgain } from './outbox.js';
export { below, countUnsent, keepOfDeleted, returned, setDraft, setEdit, setReply } from './outbox.js';
export { firstUnread, loadMembers, loadPins } from './pages.js';
export { markRead } from './sync.js';
// What fails of these is in `logOf(channel_id).value.error`.
export { jumpToFirst, jumpToNewest, loadNewer, loadOlder } from './pages.js';

/** Longer than this nobody is kept from what the disk has. */
const PATIENCE_MS = 2_000;

// Messages.

/**
 * Never throws: what fails is shown in `pending`.
 * @param {number} channel_id @param {string} content @param {number} [reply_to]
 * @returns {boolean} whether it was taken; where not (too many wait), a notice says so and the text stays where it is
 */
export function say(channel_id, content, reply_to) {
  if (send(channel_id, content, reply_to)) return true;
  notify({ kind: 'error', word: 'notice.too_many_pending' });
  return false;
}

/** @param {number} channel_id @param {number} id @param {string} content */
export async function edit(channel_id, id, content) {
  await call('PATCH', `channels/${channel_id}/messages/${id}`, { body: { content } });
}
/** @param {import('./store.js').Message} message with what was being written to it */
export async function remove(message) {
  const { channel_id, id, content } = message;
  const text = edits.peek().get(id)?.text ?? content;
  setEdit(message, content);
  await gone(call('DELETE', `channels/${channel_id}/messages/${id}`)).catch((error) => {
    setEdit(message, text);
    throw error;
  });
}
/** Where a change finds that its subject is gone already, it is done. @param {Promise<unknown>} change */
async function gone(change) {
  await change.catch((error) => (error.code === 'message_not_found' ? undefined : Promise.reject(error)));
}

/** @param {number} channel_id @param {number} id @param {string} emoji */
const myReaction = (channel_id, id, emoji) =>
  `channels/${channel_id}/messages/${id}/reactions/${encodeURIComponent(emoji)}/me`;
/** @param {number} channel_id @param {number} id @param {string} emoji */
export async function react(channel_id, id, emoji) {
  await call('PUT', myReaction(channel_id, id, emoji));
}
/** @param {number} channel_id @param {number} id @param {string} emoji */
export async function unreact(channel_id, id, emoji) {
  await gone(call('DELETE', myReaction(channel_id, id, emoji)));
}
/** @param {number} channel_id @param {number} id */
export async function pin(channel_id, id) {
  await call('PUT', `channels/${channel_id}/pins/${id}`);
}
/** @param {number} channel_id @param {number} id */
export async function unpin(channel_id, id) {
  await gone(call('DELETE', `channels/${channel_id}/pins/${id}`));
}
/**
 * @param {number} channel_id @param {number} id @param {string} emoji
 * @returns {Promise<{user_id: number, username: string}[]>} at most 100
 */
export const loadReactors = (channel_id, id, emoji) =>
  call('GET', `channels/${channel_id}/messages/${id}/reactions/${encodeURIComponent(emoji)}?limit=100`);

/** The newest page once more, after an error. @param {number} channel_id */
export const reload = (channel_id) => pages.loadNewest(channel_id, { again: true });

// Where one is: `place` and the address go together, and a place that is no longer there gives way to the nearest one
// that is.

/** @param {number} server_id */
export async function openServer(server_id) {
  go(placeIn(server_id));
}

/** @param {number} channel_id @param {number} [message_id] */
export async function openChannel(channel_id, message_id) {
  const channel = channels.peek().get(channel_id);
  if (!channel) throw new ApiError(404, 'channel_not_found', 'There is no such channel');
  go({ server_id: channel.server_id, channel_id, ...(message_id !== undefined && { message_id }) });
  if (message_id !== undefined) await jumpTo(channel_id, message_id);
  await pages.loadNewest(channel_id);
}

/** @param {Place} next @param {{replace?: boolean}} [options] */
function go(next, { replace = false } = {}) {
  const hash = hashOf(next);
  if (location.hash !== hash) history[replace ? 'replaceState' : 'pushState'](null, '', hash);
  place.value = next;
}

/** @param {Place} now */
async function opened({ channel_id, message_id }) {
  if (!channel_id || !channels.peek().has(channel_id)) return;
  channelOpened(channel_id);
  if (message_id) await jumpTo(channel_id, message_id);
  await pages.loadNewest(channel_id);
}

/**
 * Shows a message from wherever in the log it is, or says that it is gone.
 * @param {number} channel_id @param {number} message_id
 */
export async function jumpTo(channel_id, message_id) {
  if (await pages.jumpTo(channel_id, message_id)) notify({ kind: 'warning', code: 'message_not_found' });
}

/** The channel of a server that was opened last, else its first. @param {number} server_id */
function channelIn(server_id) {
  const all = [...channels.peek().values()].filter((channel) => channel.server_id === server_id);
  return all.sort((a, b) => openedAt(b.id) - openedAt(a.id) || a.id - b.id)[0]?.id;
}

/** @param {number} server_id @returns {Place} */
function placeIn(server_id) {
  const channel_id = channelIn(server_id);
  return channel_id === undefined ? { server_id } : { server_id, channel_id };
}

/** @returns {Place} */
function anyPlace() {
  const all = [...servers.peek().keys()];
  const [first] = all.sort((a, b) => openedAt(channelIn(b) ?? 0) - openedAt(channelIn(a) ?? 0) || a - b);
  return first === undefined ? {} : placeIn(first);
}

/** Keeps the place among those that there are. */
export function startPlaces() {
  place.value = placeOf(location.hash);
  addEventListener('popstate', () => go(placeOf(location.hash), { replace: true }));
  let wasOpened = '';
  let wasIn = 0;
  effect(() => {
    const { server_id, channel_id } = place.value;
    const [allServers, allChannels, isLive] = [servers.value, channels.value, connection.value.state === 'live'];
    if (phase.value !== 'in') {
      [wasOpened, wasIn] = ['', 0];
      foreign.value = null;
      return;
    }
    if (server_id === undefined || allServers.has(server_id)) wasIn = server_id ?? 0;
    if (server_id === undefined) {
      if (allServers.size) later(anyPlace());
    } else if (!allServers.has(server_id)) {
      if (!isLive) return;
      // Of one that was open it has been told that it is gone; one that a link leads to has never been theirs.
      if (wasIn !== server_id) foreign.value = place.peek();
      later(anyPlace());
    } else if (channel_id === undefined) {
      // A channel that was lost may come back.
      wasOpened = '';
      const next = placeIn(server_id);
      if (next.channel_id !== undefined) later(next);
    } else if (allChannels.get(channel_id)?.server_id !== server_id) {
      // What the disk kept may not have it yet.
      if (!isLive) return;
      // The same of channels.
      if (wasOpened !== hashOf(place.value)) notify({ kind: 'warning', code: 'channel_not_found' });
      later(placeIn(server_id));
    } else if (wasOpened !== hashOf(place.value)) {
      wasOpened = hashOf(place.value);
      void opened(place.peek());
    }
  });
}

/** Behind the change that is under way. @param {Place} next */
function later(next) {
  const { server_id, channel_id } = place.peek();
  queueMicrotask(() => {
    const now = place.peek();
    if (now.server_id === server_id && now.channel_id === channel_id && phase.peek() === 'in') {
      go(next, { replace: true });
    }
  });
}

// From the first moment to being in, and out again. An account's data is shown when the node has said that its session
// goes on, or when the node cannot be reached; never when it has said no.

/** @param {{username: string, email: string, password: string}} account */
export async function register({ username, email, password }) {
  await call('POST', 'auth/register', { body: { username, email, password }, is_guest: true });
  await logIn({ username, password });
}

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
  startSession({ onEnd: signOut, onSwitch });
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
      if (error instanceof ApiError && [401, 403].includes(error.status)) return signOut(error);
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
  if (user_id === null) {
    signOut();
    // The node may have said before that it has ended: by that logout.
    ending.value = null;
    return;
  }
  if (me.peek()?.id === user_id && phase.peek() === 'in') return;
  generation += 1;
  leave();
  location.reload();
}

/**
 * The session is over; the place stays, and what is on disk for the same account.
 * @param {ApiError} [error] why, where that was not the person's wish
 */
function signOut(error) {
  // What calls that were under way are told after a logout is no news, nor that nobody was logged in before.
  const isNews = phase.peek() !== 'signed_out' && (lastUser() || error?.code !== 'refresh_token_missing');
  if (error && isNews) ending.value = { code: error.code, detail: error.detail };
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
  ending.value = null;
  await beAccount(profile);
  tellSession(profile.id);
}

/** Wipes what this browser keeps of the account, too. */
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

/**
 * Wipes what this browser keeps of the account.
 * @param {number|null} [id] whose, where it is signed out already
 * @param {typeof ending.value} [how] what is said of it at the door
 */
export async function forgetAccount(id = me.peek()?.id ?? lastUser(), how = null) {
  setLastUser(null);
  ending.value = how;
  tellSession(null);
  generation += 1;
  forgetToken();
  leave();
  phase.value = 'signed_out';
  if (id) await wipeDisk(id);
  go({}, { replace: true });
}
