// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSION_GROUPS, hindranceOf, hoistOf, inOrder, isAbove, isAboveRole, moved } from '../../web/app/ranks.js';
import {
  OF_MEMBERS, colorOf, contrastOf, permissionsOf, readable, withHeld, withOrder, withRole, withoutRole,
} from '../../web/app/roles.js';
import { textOf } from './tree.js';

const at = (second) => `2026-01-31T12:00:0${second}.5Z`;
const role = (id, position, permissions = [], more = {}) => ({
  id,
  server_id: 1,
  name: `role ${id}`,
  color: null,
  hoist: false,
  mentionable: false,
  position,
  permissions,
  is_default: position === 0,
  created_at: at(1),
  updated_at: at(1),
  ...more,
});
const EVERYONE = role(1, 0, [...OF_MEMBERS]);
const ADMINISTRATORS = role(2, 3, ['administrator'], { color: '#ff0000' });
const MODERATORS = role(3, 2, ['kick_members', 'manage_roles'], { hoist: true });
const GARDENERS = role(4, 1, ['manage_channels'], { color: '#00ff00', hoist: true });
const OLDER = role(5, 2, []);
const ROLES = [EVERYONE, ADMINISTRATORS, MODERATORS, GARDENERS, OLDER];
const member = (user_id, ...role_ids) => ({ user_id, is_owner: false, role_ids });
const OWNER = { user_id: 9, is_owner: true, role_ids: [] };

test('a member may do what the default role gives and what theirs give; owner and administrator everything', () => {
  const nobody = permissionsOf(ROLES, member(1));
  assert.ok(nobody.has('send_messages') && !nobody.has('kick_members'));
  const two = permissionsOf(ROLES, member(1, 3, 4, 77));
  assert.ok(two.has('kick_members') && two.has('manage_channels') && two.has('view_channel'));
  assert.ok(!two.has('ban_members') && !two.has('administrator'));
  for (const all of [permissionsOf(ROLES, OWNER), permissionsOf(ROLES, member(1, 2))]) {
    assert.ok(Object.values(PERMISSION_GROUPS).flat().every((name) => all.has(name)));
  }
  const silent = [role(1, 0, ['view_channel']), MODERATORS];
  assert.equal(permissionsOf(silent, member(1, 3)).has('send_messages'), false);
  assert.equal(permissionsOf([], member(1, 3)).has('view_channel'), false, 'a role that is gone gives nothing');
});

test('whoever stands higher acts on whoever does not; nobody on the owner or on themselves', () => {
  assert.ok(isAbove(ROLES, member(1, 2), member(2, 3)));
  assert.ok(!isAbove(ROLES, member(1, 3), member(2, 2)));
  assert.ok(!isAbove(ROLES, member(1, 4), member(2, 4)), 'as high is not higher');
  assert.ok(isAbove(ROLES, member(1, 3), member(2, 5)), 'of two at one position the older one is higher');
  assert.ok(!isAbove(ROLES, member(1, 5), member(2, 3)));
  assert.ok(isAbove(ROLES, member(1, 4), member(2)) && !isAbove(ROLES, member(1), member(2)));
  assert.ok(isAbove(ROLES, OWNER, member(2, 2)) && !isAbove(ROLES, member(2, 2), OWNER));
  assert.ok(!isAbove(ROLES, OWNER, OWNER) && !isAbove(ROLES, member(1, 2), member(1, 2)));
});

test('a role is for whoever has a higher one, the default one for whoever has any other', () => {
  assert.ok(isAboveRole(ROLES, member(1, 3), 4) && isAboveRole(ROLES, member(1, 3), 5));
  assert.ok(!isAboveRole(ROLES, member(1, 3), 3) && !isAboveRole(ROLES, member(1, 5), 3));
  assert.ok(isAboveRole(ROLES, member(1, 4), 1) && !isAboveRole(ROLES, member(1), 1));
  assert.ok(isAboveRole(ROLES, OWNER, 2) && !isAboveRole(ROLES, OWNER, 77));
});

test('what keeps one from giving a role or taking it is named', () => {
  assert.equal(hindranceOf(ROLES, member(1, 3), member(2, 2), OLDER), 'other_member');
  assert.equal(hindranceOf(ROLES, member(1, 3), member(2), MODERATORS), 'above');
  assert.equal(hindranceOf(ROLES, member(1, 3), member(2), GARDENERS), 'lacks');
  assert.equal(hindranceOf(ROLES, member(1, 3), member(2, 4), GARDENERS), null, 'it may be taken all the same');
  assert.equal(hindranceOf(ROLES, member(1, 3), member(2), OLDER), null);
  assert.equal(hindranceOf(ROLES, member(1, 3), member(1, 3), OLDER), null, 'oneself');
  assert.equal(hindranceOf(ROLES, OWNER, member(2), ADMINISTRATORS), null);
});

test('roles stand with the highest first, and move a step at a time', () => {
  const ids = inOrder(ROLES).map(({ id }) => id);
  assert.deepEqual(ids, [2, 3, 5, 4]);
  assert.deepEqual(moved(ids, 5, -1), [2, 5, 3, 4]);
  assert.deepEqual(moved(ids, 5, 1), [2, 3, 4, 5]);
  for (const [id, step] of [[2, -1], [4, 1], [77, 1]]) assert.deepEqual(moved(ids, id, /** @type {any} */ (step)), ids);
});

test('a member has the color and the group of the highest role that has one', () => {
  assert.equal(colorOf(ROLES, member(1, 3, 4)), '#00ff00');
  assert.equal(colorOf(ROLES, member(1, 2, 4)), '#ff0000');
  assert.equal(colorOf(ROLES, member(1, 3)), null);
  assert.equal(hoistOf(ROLES, member(1, 2, 3, 4))?.id, 3);
  assert.equal(hoistOf(ROLES, member(1, 2)), null);
});

test('any color can be read in either theme, and one that can be read stays as it is', () => {
  const css = textOf('style/theme.css');
  const parts = ['00', '40', '80', 'c0', 'ff'];
  const colors = parts.flatMap((red) => parts.flatMap((green) => parts.map((blue) => `#${red}${green}${blue}`)));
  for (const theme of /** @type {const} */ (['light', 'dark'])) {
    const block = theme === 'light' ? css.slice(0, css.indexOf('@media')) : css.slice(css.indexOf("[data-theme='dark']"));
    const grounds = ['paper', 'panel', 'raised', 'hover', 'press'].map(
      (name) => RegExp(`--${name}: (#\\w{6})`).exec(block)?.[1] ?? '',
    );
    for (const color of colors) {
      const shown = readable(color, theme);
      const worst = Math.min(...grounds.map((ground) => contrastOf(shown, ground)));
      assert.ok(worst >= 4.5, `${color} is shown as ${shown} in the ${theme} theme: ${worst}`);
    }
  }
  assert.equal(readable('#7a1f10', 'light'), '#7a1f10');
  assert.equal(readable('#ffd0c0', 'dark'), '#ffd0c0');
});

test('news of roles: the later state counts, an order gives positions, and a role takes itself from everybody', () => {
  const roles = new Map([[1, ROLES]]);
  const renamed = { ...GARDENERS, name: 'Planters', updated_at: at(3) };
  const older = { ...GARDENERS, name: 'Sowers', updated_at: at(2) };
  const name = (all) => all.get(1).find(({ id }) => id === 4).name;
  assert.equal(name(withRole(withRole(roles, older), renamed)), 'Planters');
  assert.equal(name(withRole(withRole(roles, renamed), older)), 'Planters');
  assert.equal(withRole(roles, role(6, 1)).get(1)?.length, 6);
  assert.equal(withRole(roles, { ...role(7, 1), server_id: 2 }), roles, 'nothing is known of that server');
  const ordered = inOrder(withOrder(roles, 1, [4, 5, 3, 2]).get(1) ?? []);
  assert.deepEqual(ordered.map(({ id, position }) => [id, position]), [[4, 4], [5, 3], [3, 2], [2, 1]]);
  const holders = withHeld(withHeld(new Map(), 1, 1, [3, 4]), 1, 2, [4]);
  const after = withoutRole({ roles, holders }, 1, 4);
  assert.deepEqual([...(after.holders.get(1) ?? [])], [[1, [3]], [2, []]]);
  assert.equal(after.roles.get(1)?.some(({ id }) => id === 4), false);
  assert.equal(withHeld(holders, 1, 2, undefined).get(1)?.has(2), false);
});
