// @ts-check
// Roles, as the node decides by them: what one may do, and how they are shown. Pure. Who is above whom: ranks.js.
import { isLater } from './reducer.js';

/**
 * @typedef {{id: number, server_id: number, name: string, color: string|null, hoist: boolean, mentionable: boolean,
 *   position: number, permissions: string[], is_default: boolean, created_at: string, updated_at: string}} Role
 */
/**
 * A member, as far as decisions go: their roles are those beside the default one.
 * @typedef {{user_id: number, is_owner: boolean, role_ids: readonly number[]}} Standing
 */

/** @typedef {Pick<ReadonlySet<string>, 'has'>} Permissions */

/** @type {Permissions} */
export const ALL = { has: () => true };

/** What every member of a new server may do: so it is as long as nothing else is known. @type {ReadonlySet<string>} */
export const OF_MEMBERS = new Set([
  'add_reactions', 'attach_files', 'change_nickname', 'create_invite', 'create_threads', 'embed_links', 'read_history',
  'send_in_threads', 'send_messages', 'use_external_emoji', 'view_channel',
]);

/** The roles that a member has beside the default one. @param {readonly Role[]} roles @param {Standing} member */
export const rolesOf = (roles, { role_ids }) =>
  roles.filter(({ id, is_default }) => !is_default && role_ids.includes(id));

/**
 * What a member may do in the server. Without `view_channel` they see no channel, so nothing is to be done in one.
 * @param {readonly Role[]} roles of the server @param {Standing} member @returns {Permissions}
 */
export function permissionsOf(roles, member) {
  if (member.is_owner) return ALL;
  const given = new Set(
    roles
      .filter(({ id, is_default }) => is_default || member.role_ids.includes(id))
      .flatMap(({ permissions }) => permissions),
  );
  return given.has('administrator') ? ALL : given;
}

/**
 * Of two roles at the same position the older one is higher.
 * @param {Pick<Role, 'id'|'position'>} a @param {Pick<Role, 'id'|'position'>} b negative: `a` is higher
 */
export const byHeight = (a, b) => b.position - a.position || a.id - b.id;

// How members are shown by their roles.

/** The color of the highest role that has one. @param {readonly Role[]} roles @param {Standing} member */
export const colorOf = (roles, member) =>
  rolesOf(roles, member).sort(byHeight).find(({ color }) => color)?.color ?? null;

/** Of the grounds of names the hardest to read on, and the text's color. */
const GROUNDS = { light: { ground: '#e6dfcf', text: '#23271f' }, dark: { ground: '#323732', text: '#ebe8df' } };
const CONTRAST_MIN = 4.5;
const STEPS = 20;

/** @param {string} color `#` and six hexadecimal digits */
const channelsOf = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

/** As WCAG 2.2 has it. @param {string} color */
function luminanceOf(color) {
  const [red, green, blue] = channelsOf(color).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} a @param {string} b */
export function contrastOf(a, b) {
  const [light, dark] = [luminanceOf(a), luminanceOf(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

/**
 * A color as near to this one as it can be read: as much of the text's color is mixed in as it takes.
 * @param {string} color @param {'light'|'dark'} theme
 */
export function readable(color, theme) {
  const { ground, text } = GROUNDS[theme];
  const [from, to] = [channelsOf(color), channelsOf(text)];
  for (let step = 0; step < STEPS; step++) {
    const mixed = from.map((value, at) => Math.round(value + ((to[at] - value) * step) / STEPS));
    const shown = `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
    if (contrastOf(shown, ground) >= CONTRAST_MIN) return shown;
  }
  return text;
}

// What news make of the roles of servers.

/** @typedef {Map<number, readonly Role[]>} Roles by server */
/** @typedef {Map<number, ReadonlyMap<number, readonly number[]>>} Holders by server: user → ids of roles */

/** @template K, V @param {Map<K, V>} map @param {K} key @param {V|undefined} value @returns {Map<K, V>} */
export function withEntry(map, key, value) {
  if (value === undefined && !map.has(key)) return map;
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

/**
 * @param {Holders} holders @param {number} server_id @param {number} user_id
 * @param {readonly number[]|undefined} role_ids `undefined`: nothing is known, or they are no member
 * @returns {Holders}
 */
export function withHeld(holders, server_id, user_id, role_ids) {
  const known = holders.get(server_id) ?? new Map();
  return withEntry(holders, server_id, withEntry(/** @type {any} */ (known), user_id, role_ids));
}

/** @param {Roles} roles @param {Role} role the later state of it counts @returns {Roles} */
export function withRole(roles, role) {
  const known = roles.get(role.server_id);
  if (!known) return roles;
  const before = known.find(({ id }) => id === role.id);
  if (before && isLater(before.updated_at, role.updated_at)) return roles;
  const others = known.filter(({ id }) => id !== role.id);
  return withEntry(roles, role.server_id, [...others, role].sort((a, b) => a.id - b.id));
}

/** @param {Roles} roles @param {number} server_id @param {readonly number[]} role_ids the highest first */
export function withOrder(roles, server_id, role_ids) {
  const known = roles.get(server_id);
  if (!known) return roles;
  const placed = known.map((role) => {
    const at = role_ids.indexOf(role.id);
    return at < 0 ? role : { ...role, position: role_ids.length - at };
  });
  return withEntry(roles, server_id, placed);
}

/**
 * A role is gone; whoever had it has it no longer.
 * @template {{roles: Roles, holders: Holders}} S @param {S} state @param {number} server_id @param {number} role_id
 * @returns {S}
 */
export function withoutRole(state, server_id, role_id) {
  const known = state.roles.get(server_id);
  if (!known) return state;
  const roles = withEntry(state.roles, server_id, known.filter(({ id }) => id !== role_id));
  const held = new Map(
    [...(state.holders.get(server_id) ?? [])].map(([user, ids]) => [user, ids.filter((id) => id !== role_id)]),
  );
  return { ...state, roles, holders: withEntry(state.holders, server_id, held) };
}
