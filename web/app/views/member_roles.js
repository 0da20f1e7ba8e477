// @ts-check
// The roles of somebody: shown with the person, and given and taken by whoever may.
import { useEffect, useState } from '../../vendor/hooks.js';
import * as administration from '../administration.js';
import { hindranceOf, inOrder } from '../ranks.js';
import { rolesOf } from '../roles.js';
import { holders, mayIn, me, members, people, roles, servers, standingOf, t, wordsOfError } from '../store.js';
import { html, nameOf } from './kit.js';
import { Modal } from './modal.js';
import { closeDialog, openDialog } from './navigation.js';
import { RoleDot } from './roles.js';

/** @typedef {import('../roles.js').Role} Role */

/**
 * What is known of somebody in a server, and of what one may do about their roles; it is asked for where it is not.
 * @param {number | undefined} serverId @param {number} userId
 */
export function useStandings(serverId, userId) {
  const id = serverId ?? -1;
  const isKnown = holders.value.get(id)?.has(userId) ?? false;
  const listed = members.value.get(id);
  // Who is no member has none.
  const mayBeMember = isKnown || !listed?.is_complete || listed.user_ids.includes(userId);
  useEffect(() => {
    if (serverId && !isKnown && mayBeMember) administration.loadMember(serverId, userId).catch(() => {});
  }, [isKnown]);
  const all = roles.value.get(id) ?? [];
  return { all, own: standingOf(id, me.value?.id ?? 0), target: standingOf(id, userId), isKnown, mayBeMember };
}

/** @param {{serverId: number, userId: number, standings: ReturnType<typeof useStandings>}} props */
export function PersonRoles({ serverId, userId, standings }) {
  const { all, own, target, isKnown } = standings;
  const held = inOrder(rolesOf(all, target));
  const mayChange = isKnown && mayIn(serverId, 'manage_roles')
    && inOrder(all).some((role) => !hindranceOf(all, own, target, role));
  if (held.length === 0 && !mayChange) return null;
  return html`<section class="person-roles" aria-label=${t('server_menu.roles')}>
    ${held.length > 0 && html`<ul class="role-chips">
      ${held.map((role) => html`<li key=${role.id} data-test="role-chip"><${RoleDot} color=${role.color} /><span
        class="cut" title=${role.name}>${role.name}</span></li>`)}
    </ul>`}
    ${mayChange && html`<button type="button" class="button is-small" data-test="change-roles"
      onClick=${() => openDialog('member_roles', { serverId, userId })}>${t('member_roles.change')}</button>`}
  </section>`;
}

/** @param {{role: Role, isHeld: boolean, hindrance: string|null, isBusy: boolean, toggle: () => void}} props */
function RoleCheck({ role, isHeld, hindrance, isBusy, toggle }) {
  const id = `why-${role.id}`;
  return html`<li><label class="check">
    <input type="checkbox" checked=${isHeld} disabled=${hindrance !== null} data-test="held" data-id=${role.id}
      aria-disabled=${isBusy ? 'true' : undefined} aria-describedby=${hindrance ? id : undefined}
      onClick=${(/** @type {Event} */ event) => {
        // It shows what is so: the answer changes it.
        event.preventDefault();
        if (!isBusy) toggle();
      }} />
    <span><span class="check-label"><${RoleDot} color=${role.color} />${role.name}</span>
      ${hindrance && html`<span class="hint" id=${id}>${t(`hindrance.${hindrance}`)}</span>`}</span>
  </label></li>`;
}

/** @param {{serverId: number, userId: number}} props */
export function MemberRoles({ serverId, userId }) {
  const { all, own, target } = useStandings(serverId, userId);
  const [busy, setBusy] = useState(/** @type {number|null} */ (null));
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const isGiven = mayIn(serverId, 'manage_roles');
  useEffect(() => {
    if (!isGiven) closeDialog();
  }, [isGiven]);

  /** @param {Role} role @param {boolean} isHeld */
  async function toggle(role, isHeld) {
    setBusy(role.id);
    setFailure(null);
    const change = isHeld ? administration.takeRole : administration.giveRole;
    await change(serverId, userId, role.id).catch(setFailure);
    setBusy(null);
  }
  const name = nameOf(userId, people.value.get(userId)?.username);
  const ordered = inOrder(all);
  return html`<${Modal} title=${t('member_roles.title', { name })} onClose=${closeDialog}>
    <p class="hint">${t('member_roles.text', { server: servers.value.get(serverId)?.name ?? '' })}</p>
    ${ordered.length === 0 && html`<p>${t('member_roles.none')}</p>`}
    <ul class="role-checks">
      ${ordered.map((role) => {
        const isHeld = target.role_ids.includes(role.id);
        return html`<${RoleCheck} key=${role.id} role=${role} isHeld=${isHeld} isBusy=${busy !== null}
          hindrance=${hindranceOf(all, own, target, role)} toggle=${() => toggle(role, isHeld)} />`;
      })}
    </ul>
    ${failure && html`<p class="problem" role="alert">${wordsOfError(failure)}</p>`}
  <//>`;
}
