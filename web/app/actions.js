// @ts-check
// All that a view may do. What fails is thrown as an ApiError: {status, code, detail, fields?: [{loc, msg}],
// retry_after_ms?}.
import * as account from './account.js';
import { ApiError, call } from './api.js';
import { takeFrame } from './frames.js';
import * as history from './history.js';
import { keepSoon } from './keep.js';
import * as people from './people.js';
import { go, goTo, placeIn } from './places.js';
import * as sends from './sends.js';
import { channels, drafts, me, notices, servers } from './store.js';
import * as sync from './sync.js';
import { tell } from './tabs.js';

export { setLanguage, setTheme } from './preferences.js';

const DRAFT_MAX = 16_000;
const DRAFTS_MAX = 200;

/** @param {{username: string, email: string, password: string}} account */
export async function register({ username, email, password }) {
  await call('POST', 'auth/register', { body: { username, email, password }, is_guest: true });
  await logIn({ username, password });
}
/** @param {{username: string, password: string}} login */
export const logIn = (login) => account.logIn(login);
/** Wipes what this browser keeps of the account, too. */
export async function logOut() {
  await account.logOut();
  go({}, { replace: true });
}

/** @param {number} server_id */
export async function openServer(server_id) {
  go(placeIn(server_id));
}
/** @param {number} channel_id @param {number} [message_id] */
export async function openChannel(channel_id, message_id) {
  const channel = channels.peek().get(channel_id);
  if (!channel) throw new ApiError(404, 'channel_not_found', 'There is no such channel');
  go({ server_id: channel.server_id, channel_id, ...(message_id !== undefined && { message_id }) });
  if (message_id !== undefined) await goTo(channel_id, message_id);
  await history.loadNewest(channel_id);
}

/**
 * Never throws: what fails is shown in `pending`.
 * @param {number} channel_id @param {string} content @param {number} [reply_to]
 * @returns {boolean} whether it was taken; where not (too many wait), a notice says so and the text stays where it is
 */
export function say(channel_id, content, reply_to) {
  if (sends.send(channel_id, content, reply_to)) return true;
  sync.notify({ kind: 'error', word: 'notice.too_many_pending' });
  return false;
}
/** @param {string} nonce */
export const tryAgain = (nonce) => sends.sendAgain(nonce);
/** @param {string} nonce */
export const discard = (nonce) => sends.discardSend(nonce);

/** @param {number} channel_id @param {number} id @param {string} content */
export async function edit(channel_id, id, content) {
  await call('PATCH', `channels/${channel_id}/messages/${id}`, { body: { content } });
}
/** @param {number} channel_id @param {number} id */
export async function remove(channel_id, id) {
  await gone(call('DELETE', `channels/${channel_id}/messages/${id}`));
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
/** Into `logOf(channel_id).value.pins`. @param {number} channel_id */
export const loadPins = (channel_id) => history.loadPins(channel_id);
/**
 * @param {number} channel_id @param {number} id @param {string} emoji
 * @returns {Promise<{user_id: number, username: string}[]>} at most 100
 */
export const loadReactors = (channel_id, id, emoji) =>
  call('GET', `channels/${channel_id}/messages/${id}/reactions/${encodeURIComponent(emoji)}?limit=100`);

// What fails here is in `logOf(channel_id).value.error`.
/** @param {number} channel_id */
export const loadOlder = (channel_id) => history.loadOlder(channel_id);
/** @param {number} channel_id */
export const loadNewer = (channel_id) => history.loadNewer(channel_id);
/** @param {number} channel_id @param {number} message_id */
export const jumpTo = (channel_id, message_id) => goTo(channel_id, message_id);
/** @param {number} channel_id */
export const jumpToNewest = (channel_id) => history.jumpToNewest(channel_id);
/** @param {number} channel_id */
export const jumpToFirst = (channel_id) => history.jumpToFirst(channel_id);
/** @param {number} channel_id @param {number} seq */
export const firstUnread = (channel_id, seq) => history.firstUnread(channel_id, seq);
/** The newest page once more, after an error. @param {number} channel_id */
export const reload = (channel_id) => history.loadNewest(channel_id, { again: true });

/** @param {number} channel_id */
export const markRead = (channel_id) => sync.markRead(channel_id);
/** @param {number} channel_id @param {string} text */
export function setDraft(channel_id, text) {
  if ((drafts.peek().get(channel_id) ?? '') === text) return;
  const next = new Map(drafts.peek());
  next.delete(channel_id);
  if (text) next.set(channel_id, text.slice(0, DRAFT_MAX));
  for (const id of next.keys()) if (next.size > DRAFTS_MAX) next.delete(id);
  drafts.value = next;
  keepSoon('drafts');
  tell({ kind: 'draft', channel_id, text });
}

/**
 * @param {{name: string, description?: string}} wanted
 * @returns {Promise<import('./store.js').Server>} with its channel `general` opened
 */
export async function createServer({ name, description }) {
  const server = await call('POST', 'servers/', { body: { name, ...(description && { description }) } });
  takeFrame({ type: 'server.joined', ...server, channels: [] });
  try {
    await createChannel({ server_id: server.id, name: 'general' });
  } catch (error) {
    // The server is there; a channel can be made in it by hand.
    await openServer(server.id);
    throw error;
  }
  return server;
}
/** @param {number} id */
export async function joinServer(id) {
  await call('POST', `servers/${id}/join`).catch((error) =>
    error.code === 'already_member' ? undefined : Promise.reject(error),
  );
  const server = await call('GET', `servers/${id}`);
  takeFrame({ type: 'server.joined', ...server });
  await openServer(id);
}
/** @param {number} id @param {{name?: string, description?: string|null, icon_url?: string|null}} patch */
export async function updateServer(id, patch) {
  takeFrame({ type: 'server.updated', ...(await call('PUT', `servers/${id}`, { body: patch })) });
}
/** @param {number} id */
export async function leaveServer(id) {
  await call('POST', `servers/${id}/leave`);
  takeFrame({ type: 'server.left', id });
}
/** @param {number} id */
export async function deleteServer(id) {
  await call('DELETE', `servers/${id}`);
  takeFrame({ type: 'server.deleted', id });
}
/** @param {number} id @param {number} user_id */
export async function handOver(id, user_id) {
  takeFrame({ type: 'server.updated', ...(await call('PUT', `servers/${id}/owner`, { body: { owner_id: user_id } })) });
}

/**
 * @param {{server_id: number, name: string, description?: string}} wanted
 * @returns {Promise<import('./store.js').Channel>} opened
 */
export async function createChannel({ server_id, name, description }) {
  const channel = await call('POST', 'channels/', { body: { server_id, name, ...(description && { description }) } });
  if (servers.peek().has(server_id)) takeFrame({ type: 'channel.created', ...channel });
  await openChannel(channel.id);
  return channel;
}
/** @param {number} id @param {{name?: string, description?: string|null}} patch */
export async function updateChannel(id, patch) {
  takeFrame({ type: 'channel.updated', ...(await call('PUT', `channels/${id}`, { body: patch })) });
}
/** @param {number} id */
export async function deleteChannel(id) {
  const server_id = channels.peek().get(id)?.server_id;
  await call('DELETE', `channels/${id}`);
  takeFrame({ type: 'channel.deleted', id, server_id });
}

/** The next page, into `members` and `people`. @param {number} server_id */
export const loadMembers = (server_id) => people.loadMembers(server_id);
/** Into `people`. @param {number[]} user_ids */
export const lookUp = (user_ids) => people.lookUp(user_ids);

/**
 * @param {{display_name?: string|null, bio?: string|null, avatar_url?: string|null, email?: string,
 *   password?: string, current_password?: string}} patch
 */
export async function updateProfile(patch) {
  const user = await call('PUT', 'users/me', { body: patch });
  takeFrame({ type: 'user.updated', user });
  if (me.peek()?.id === user.id) me.value = user;
  keepSoon('state');
}
/**
 * @returns {Promise<{id: number, created_at: string, last_used_at: string, expires_at: string, address: string|null,
 *   user_agent: string|null, is_current: boolean}[]>}
 */
export const listSessions = () => call('GET', 'auth/sessions');
/** @param {number|string} id */
export async function endSession(id) {
  await call('DELETE', `auth/sessions/${id}`);
}
export async function endOtherSessions() {
  await call('DELETE', 'auth/sessions');
}
/** @param {{password: string}} proof */
export async function deleteAccount({ password }) {
  await call('DELETE', 'users/me', { body: { password }, tries: 1 });
  await account.forgetAccount();
  go({}, { replace: true });
}
/** Downloads a file. */
export async function exportData() {
  const data = await call('GET', 'users/me/export');
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  const link = Object.assign(document.createElement('a'), {
    href: url,
    download: `madang-${me.peek()?.username ?? 'export'}.json`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {string} key */
export function dismiss(key) {
  notices.value = notices.peek().filter((notice) => notice.key !== key);
}
export const retryNow = () => account.retryNow();
