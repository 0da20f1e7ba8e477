// @ts-check
// The roles of a server: in their order, made, changed and deleted. What one may not change is shown with the reason.
import { useEffect, useLayoutEffect, useRef, useState } from '../../vendor/hooks.js';
import * as administration from '../administration.js';
import { PERMISSION_GROUPS, inOrder, isAboveRole, moved } from '../ranks.js';
import { readable } from '../roles.js';
import { me, mayIn, rightsIn, roles, servers, standingOf, t, wordsOfError } from '../store.js';
import { Confirm } from './confirm.js';
import { Field, FormProblem, Icon, IconButton, Submit, classes, demand, html, personName, useForm } from './kit.js';
import { Modal } from './modal.js';
import { closeDialog, openDialog, tellWord } from './navigation.js';

/** @typedef {import('../roles.js').Role} Role */

const FIRST_COLOR = '#3f8f6b';

/** @param {number} serverId @returns {readonly Role[]} */
const rolesIn = (serverId) => roles.value.get(serverId) ?? [];
const ownStanding = (/** @type {number} */ serverId) => standingOf(serverId, me.value?.id ?? 0);

/** What a role is called: the default one has no name of its own. @param {Role} role */
export const roleName = (role) => (role.is_default ? t('roles.everyone') : role.name);

/** The role's color, as a dot beside its name. @param {{color: string|null}} props */
export function RoleDot({ color }) {
  return html`<span class=${classes('role-dot', !color && 'is-plain')} aria-hidden="true"
    style=${color ? { backgroundColor: color } : {}}></span>`;
}

/** Whose dialog it is loses it with the right. @param {number} serverId */
function useRight(serverId) {
  const isGiven = mayIn(serverId, 'manage_roles');
  useEffect(() => {
    if (!isGiven) closeDialog();
  }, [isGiven]);
}

// The list.

/**
 * Moves roles, one at a time, and says where they are then.
 * @param {number} serverId @param {Role[]} all in their order
 */
function useMoving(serverId, all) {
  const [said, setSaid] = useState('');
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const isMoving = useRef(false);
  const at = useRef('');
  const ids = all.map(({ id }) => id);
  // A button that moves with its row loses the focus.
  useLayoutEffect(() => {
    const button = document.querySelector(`[data-move="${at.current}"]`);
    at.current = '';
    if (button instanceof HTMLElement && document.activeElement !== button) button.focus();
  }, [ids.join()]);

  /** @param {Role} role @param {-1|1} step */
  async function move(role, step) {
    if (isMoving.current) return;
    isMoving.current = true;
    at.current = `${role.id} ${step}`;
    setFailure(null);
    const next = moved(ids, role.id, step);
    try {
      await administration.orderRoles(serverId, next);
      setSaid(t('roles.moved', { name: role.name, place: next.indexOf(role.id) + 1, count: next.length }));
    } catch (error) {
      setFailure(error);
    }
    isMoving.current = false;
  }
  return { said, failure, move };
}

/**
 * @param {{role: Role, isFixed: boolean, canRise: boolean, canFall: boolean,
 *   move: (role: Role, step: -1|1) => void}} props
 */
function RoleRow({ role, isFixed, canRise, canFall, move }) {
  const name = roleName(role);
  /** @type {(step: -1|1, can: boolean, word: string, extra: string) => any} */
  const button = (step, can, word, extra) => html`<${IconButton} icon="down" class=${extra} label=${t(word, { name })}
    data-move="${role.id} ${step}" data-test=${step < 0 ? 'role-up' : 'role-down'}
    aria-disabled=${can ? undefined : 'true'} onClick=${() => can && move(role, step)} />`;
  return html`<li class="role-row" data-test="role" data-id=${role.id}>
    <button type="button" class="role-open" data-test="open-role"
      onClick=${() => openDialog('role', { serverId: role.server_id, roleId: role.id })}>
      <${RoleDot} color=${role.color} />
      <span class="role-name"><span class="cut">${name}</span>
        ${role.is_default && html`<span class="hint">${t('roles.everyone_hint')}</span>`}
        ${isFixed && html`<span class="hint">${t('roles.above')}</span>`}</span>
      ${isFixed && html`<${Icon} name="lock" />`}
    </button>
    ${!isFixed && !role.is_default && html`${button(-1, canRise, 'roles.up', 'is-up')}
      ${button(1, canFall, 'roles.down', '')}`}
  </li>`;
}

/** @param {{serverId: number}} props */
export function Roles({ serverId }) {
  useRight(serverId);
  const known = rolesIn(serverId);
  const all = inOrder(known);
  const own = ownStanding(serverId);
  const isFixed = (/** @type {Role} */ { id }) => !isAboveRole(known, own, id);
  const fixed = all.filter(isFixed).length;
  const { said, failure, move } = useMoving(serverId, all);
  const everyone = known.filter(({ is_default }) => is_default);
  return html`<${Modal} title=${t('server_menu.roles')} class="is-roles" onClose=${closeDialog}>
    <p class="hint">${t('roles.text')}</p>
    <button type="button" class="button is-primary" data-test="new-role"
      onClick=${() => openDialog('role', { serverId })}><${Icon} name="add" />${t('roles.new')}</button>
    <ol class="roles">
      ${all.map((role, index) => html`<${RoleRow} key=${role.id} role=${role} isFixed=${isFixed(role)}
        canRise=${index > fixed} canFall=${index < all.length - 1} move=${move} />`)}
      ${everyone.map((role) => html`<${RoleRow} key=${role.id} role=${role} isFixed=${isFixed(role)} canRise=${false}
        canFall=${false} move=${move} />`)}
    </ol>
    <p class="hidden-text" role="status">${said}</p>
    ${failure && html`<p class="problem" role="alert">${wordsOfError(failure)}</p>`}
  <//>`;
}

// One role.

/** @param {{name: string, label: string, hint: string, [rest: string]: any}} props */
function Check({ name, label, hint, ...rest }) {
  const hintId = `hint-${name}-${rest.value ?? ''}`;
  return html`<label class="check"><input type="checkbox" name=${name} aria-describedby=${hintId} ...${rest} />
    <span><span class="check-label">${label}</span><span class="hint" id=${hintId}>${hint}</span></span></label>`;
}

/** @param {{role?: Role, isFixed: boolean}} props */
function ColorField({ role, isFixed }) {
  const [color, setColor] = useState(role?.color ?? null);
  const last = useRef(role?.color ?? FIRST_COLOR);
  const shown = color && { '--by-day': readable(color, 'light'), '--by-night': readable(color, 'dark') };
  return html`<div class="role-color">
    <${Check} name="has_color" label=${t('role.color')} hint=${t('role.color_hint')} checked=${color !== null}
      disabled=${isFixed} data-test="role-has-color" onChange=${(/** @type {any} */ event) =>
        setColor(event.currentTarget.checked ? last.current : null)} />
    ${color !== null && html`<span class="role-preview">
      <input type="color" name="color" value=${color} disabled=${isFixed} aria-label=${t('role.color_choose')}
        data-test="role-color" onInput=${(/** @type {any} */ event) => {
          last.current = event.currentTarget.value;
          setColor(last.current);
        }} />
      <strong class="cut" data-colored style=${shown}>${me.value ? personName(me.value) : ''}</strong>
      <span class="hint">${t('role.preview')}</span></span>`}
  </div>`;
}

/** @param {{role?: Role, isFixed: boolean, own: import('../roles.js').Permissions}} props */
function Permissions({ role, isFixed, own }) {
  const isPartly = !isFixed && Object.values(PERMISSION_GROUPS).flat().some((name) => !own.has(name));
  return html`<section class="permissions"><h3>${t('role.permissions')}</h3>
    ${isPartly && html`<p class="hint">${t('role.partly')}</p>`}
    ${Object.entries(PERMISSION_GROUPS).map(([group, names]) => html`<fieldset key=${group}>
      <legend>${t(`permissions.${group}`)}</legend>
      ${names.map((name) => html`<${Check} key=${name} name="permissions" value=${name} label=${t(`permission.${name}`)}
        hint=${t(`permission_hint.${name}`)} disabled=${isFixed || !own.has(name)}
        defaultChecked=${role?.permissions.includes(name) ?? false} />`)}
    </fieldset>`)}
  </section>`;
}

/**
 * What it is to give: what is not for one to change stays as it is.
 * @param {HTMLFormElement} form @param {Role} [role]
 */
function permissionsIn(form, role) {
  const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name=permissions]')]);
  const open = new Set(boxes.filter(({ disabled }) => !disabled).map(({ value }) => value));
  const kept = (role?.permissions ?? []).filter((name) => !open.has(name));
  return [...kept, ...boxes.filter(({ disabled, checked }) => checked && !disabled).map(({ value }) => value)];
}

/** What is another than it was: the rest may have been changed by others. @param {any} role @param {any} wanted */
const changesOf = (role, wanted) =>
  Object.fromEntries(Object.entries(wanted).filter(([name, value]) => {
    const plain = (/** @type {any} */ it) => (Array.isArray(it) ? [...it].sort().join() : it);
    return plain(role[name]) !== plain(value);
  }));

/** @param {{serverId: number, roleId?: number}} props */
export function RoleForm({ serverId, roleId }) {
  useRight(serverId);
  const known = rolesIn(serverId);
  // What others change meanwhile does not change what one is filling in.
  const [role] = useState(() => known.find(({ id }) => id === roleId));
  const isGone = !!role && !known.some(({ id }) => id === role.id);
  const isFixed = !!role && !isAboveRole(known, ownStanding(serverId), role.id);
  const back = () => openDialog('roles', { serverId });
  const form = useForm(async (values, element) => {
    if (isFixed || isGone) return;
    const permissions = permissionsIn(element, role);
    if (role?.is_default) await administration.updateRole(serverId, role.id, { permissions });
    else {
      demand(values, ['name']);
      const color = values.has_color ? values.color : null;
      const wanted = { name: values.name.trim(), color, hoist: !!values.hoist, mentionable: !!values.mentionable };
      if (role) await administration.updateRole(serverId, role.id, changesOf(role, { ...wanted, permissions }));
      else await administration.createRole(serverId, { ...wanted, permissions });
    }
    back();
    if (role) tellWord('settings.saved');
  });
  return html`<${Modal} title=${role ? t('role.change', { name: roleName(role) }) : t('roles.new')} class="is-roles"
    onClose=${closeDialog}>
    <p><button type="button" class="link" data-test="all-roles" onClick=${back}>${t('role.back')}</button></p>
    ${isFixed && !isGone && html`<p class="fixed" data-test="fixed"><${Icon} name="lock" />${t('roles.above')}</p>`}
    ${isGone && html`<p class="problem is-whole" role="alert">${t('error.role_not_found')}</p>`}
    <form class="form" onSubmit=${form.onSubmit} novalidate>
      ${role?.is_default ? html`<p class="hint">${t('roles.everyone_text')}</p>` : html`
        <${Field} name="name" label=${t('role.name')} form=${form} test="role-name" defaultValue=${role?.name ?? ''}
          maxlength="100" autofocus=${!isFixed} autocomplete="off" readonly=${isFixed} />
        <${ColorField} role=${role} isFixed=${isFixed} />
        <${Check} name="hoist" label=${t('role.hoist')} hint=${t('role.hoist_hint')} disabled=${isFixed}
          defaultChecked=${role?.hoist ?? false} data-test="role-hoist" />
        <${Check} name="mentionable" label=${t('role.mentionable')} hint=${t('role.mentionable_hint')}
          disabled=${isFixed} defaultChecked=${role?.mentionable ?? false} />`}
      <${Permissions} role=${role} isFixed=${isFixed} own=${rightsIn(serverId).value} />
      <${FormProblem} form=${form} />
      ${!isFixed && !isGone && html`<div class="dialog-foot is-sticky">
        ${role && !role.is_default && html`<button type="button" class="button is-danger" data-test="delete-role"
          onClick=${() => openDialog('delete_role', { serverId, roleId: role.id })}>${t('role.delete')}</button>`}
        <${Submit} form=${form} label=${t(role ? 'form.save' : 'role.create')} test="save-role" />
      </div>`}
    </form>
  <//>`;
}

/** @param {{serverId: number, roleId: number}} props */
export function ConfirmRole({ serverId, roleId }) {
  const [name] = useState(() => rolesIn(serverId).find(({ id }) => id === roleId)?.name ?? '');
  const server = servers.value.get(serverId)?.name ?? '';
  return html`<${Confirm} title=${t('role.delete_title', { name })} text=${t('role.delete_text', { name, server })}
    action=${t('role.delete')} run=${() => administration.deleteRole(serverId, roleId)} />`;
}
