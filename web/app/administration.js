// @ts-check
// What one does in dialogs: servers, their roles and channels, the profile, the logins, the account. Loaded with
// them. What fails is
// thrown as in actions.js.
import { forgetAccount, openChannel, openServer } from './actions.js';
import { call } from './api.js';
import { keepSoon } from './disk.js';
import { askOfPeople, takeFrame } from './frames.js';
import { withHeld } from './roles.js';
import { channels, connection, holders, me, people, servers, withPeople } from './store.js';

const BANS_PAGE = 50;

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
/** @param {number} id @param {number} user_id */
export async function removeMember(id, user_id) {
  // Who is not there any more need not be removed.
  await call('DELETE', `servers/${id}/members/${user_id}`).catch((error) =>
    error.code === 'user_not_found' ? undefined : Promise.reject(error),
  );
  memberLeft(id, user_id);
}
/** @param {number} id @param {number} user_id @param {string|null} reason */
export async function ban(id, user_id, reason) {
  await call('PUT', `servers/${id}/bans/${user_id}`, { body: { reason } });
  memberLeft(id, user_id);
}
/**
 * Where news come they came before the answer, and may tell by now that somebody is back.
 * @param {number} server_id @param {number} user_id
 */
function memberLeft(server_id, user_id) {
  if (connection.peek().state !== 'live') takeFrame({ type: 'member.left', server_id, user_id });
}
/** @param {number} id @param {number} user_id */
export async function liftBan(id, user_id) {
  await call('DELETE', `servers/${id}/bans/${user_id}`).catch((error) =>
    error.code === 'ban_not_found' ? undefined : Promise.reject(error),
  );
}
/** @param {number} id @param {number} after */
export async function listBans(id, after) {
  const bans = await call('GET', `servers/${id}/bans?after=${after}&limit=${BANS_PAGE}`);
  return { bans, isLast: bans.length < BANS_PAGE };
}

/**
 * @typedef {{name?: string, color?: string|null, hoist?: boolean, mentionable?: boolean,
 *   permissions?: string[]}} RoleWish
 */

/** @param {number} id of the server @param {RoleWish} wanted */
export async function createRole(id, wanted) {
  const role = await call('POST', `servers/${id}/roles`, { body: wanted });
  takeFrame({ type: 'role.created', server_id: id, role });
}
/** @param {number} id of the server @param {number} role_id @param {RoleWish} patch */
export async function updateRole(id, role_id, patch) {
  const role = await call('PATCH', `servers/${id}/roles/${role_id}`, { body: patch });
  takeFrame({ type: 'role.updated', server_id: id, role });
}
/** @param {number} id of the server @param {number} role_id */
export async function deleteRole(id, role_id) {
  await call('DELETE', `servers/${id}/roles/${role_id}`).catch((error) =>
    error.code === 'role_not_found' ? undefined : Promise.reject(error),
  );
  takeFrame({ type: 'role.deleted', server_id: id, role_id });
}
/** @param {number} id of the server @param {number[]} role_ids the highest first */
export async function orderRoles(id, role_ids) {
  await call('PUT', `servers/${id}/roles/order`, { body: { role_ids } });
  if (connection.peek().state !== 'live') takeFrame({ type: 'roles.ordered', server_id: id, role_ids });
}
/** @param {number} id of the server @param {number} user_id @param {number} role_id */
export async function giveRole(id, user_id, role_id) {
  await call('PUT', `servers/${id}/members/${user_id}/roles/${role_id}`);
  if (connection.peek().state !== 'live') await loadMember(id, user_id);
}
/** @param {number} id of the server @param {number} user_id @param {number} role_id */
export async function takeRole(id, user_id, role_id) {
  await call('DELETE', `servers/${id}/members/${user_id}/roles/${role_id}`);
  if (connection.peek().state !== 'live') await loadMember(id, user_id);
}
/** Which roles somebody has. @param {number} id of the server @param {number} user_id */
export async function loadMember(id, user_id) {
  await askOfPeople(
    () => call('GET', `servers/${id}/members/${user_id}`),
    (member) => {
      people.value = withPeople(people.peek(), [{ ...member, id: user_id }]);
      holders.value = withHeld(holders.peek(), id, user_id, member.role_ids);
    },
  );
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
  await forgetAccount(undefined, { word: 'delete_account.done' });
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
