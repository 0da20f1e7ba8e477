// @ts-check
// Who stands above whom in a server, as the node decides it, and what keeps one from giving and taking roles. Pure;
// the first screen does without it.
import { byHeight, permissionsOf, rolesOf } from './roles.js';

/** @typedef {import('./roles.js').Role} Role */
/** @typedef {import('./roles.js').Standing} Standing */

/** By what they are about, as they are shown. */
export const PERMISSION_GROUPS = {
  server: [
    'administrator', 'manage_server', 'manage_roles', 'manage_channels', 'manage_emoji', 'manage_webhooks',
    'view_audit_log',
  ],
  members: [
    'create_invite', 'kick_members', 'ban_members', 'timeout_members', 'change_nickname', 'manage_nicknames',
  ],
  reading: ['view_channel', 'read_history'],
  writing: [
    'send_messages', 'send_in_threads', 'create_threads', 'add_reactions', 'attach_files', 'embed_links',
    'use_external_emoji', 'mention_everyone', 'bypass_slowmode',
  ],
  order: ['manage_messages', 'pin_messages', 'manage_threads'],
};

/** @type {Pick<Role, 'id'|'position'>} below every role */
const LOWEST = { id: Infinity, position: -1 };

/** All but the default one, the highest first. @param {readonly Role[]} roles */
export const inOrder = (roles) => roles.filter(({ is_default }) => !is_default).sort(byHeight);

/** @param {readonly Role[]} roles @param {Standing} member */
function topOf(roles, member) {
  const lowest = roles.find(({ is_default }) => is_default) ?? LOWEST;
  return [...rolesOf(roles, member), lowest].sort(byHeight)[0];
}

/**
 * Whether one member may act on another one. Nobody acts on the owner, nor on themselves.
 * @param {readonly Role[]} roles @param {Standing} actor @param {Standing} target
 */
export function isAbove(roles, actor, target) {
  if (target.is_owner || actor.user_id === target.user_id) return false;
  return actor.is_owner || byHeight(topOf(roles, actor), topOf(roles, target)) < 0;
}

/**
 * Whether a member may change, delete, give or take this role. The default one can be changed by whoever has another.
 * @param {readonly Role[]} roles @param {Standing} actor @param {number} role_id
 */
export function isAboveRole(roles, actor, role_id) {
  const role = roles.find(({ id }) => id === role_id);
  return !!role && (actor.is_owner || byHeight(topOf(roles, actor), role) < 0);
}

/** @typedef {'other_member'|'above'|'lacks'} Hindrance why a role is not for one to give or take */

/**
 * What keeps one from giving a role to a member, or from taking it, beside that it takes `manage_roles`.
 * @param {readonly Role[]} roles @param {Standing} actor @param {Standing} target @param {Role} role
 * @returns {Hindrance|null}
 */
export function hindranceOf(roles, actor, target, role) {
  if (actor.user_id !== target.user_id && !isAbove(roles, actor, target)) return 'other_member';
  if (!isAboveRole(roles, actor, role.id)) return 'above';
  const own = permissionsOf(roles, actor);
  const isGiven = !target.role_ids.includes(role.id);
  return isGiven && role.permissions.some((name) => !own.has(name)) ? 'lacks' : null;
}

/** The order with one role a step higher or lower. @param {number[]} ids @param {number} id @param {-1|1} step */
export function moved(ids, id, step) {
  const from = ids.indexOf(id);
  const to = from + step;
  if (from < 0 || to < 0 || to >= ids.length) return ids;
  const next = ids.filter((other) => other !== id);
  next.splice(to, 0, id);
  return next;
}

/** The highest role whose members are listed by themselves. @param {readonly Role[]} roles @param {Standing} member */
export const hoistOf = (roles, member) => rolesOf(roles, member).sort(byHeight).find(({ hoist }) => hoist) ?? null;
