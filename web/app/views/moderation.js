// @ts-check
// What one who may does about people: removing them, banning them, and who is banned.
import { useEffect, useRef, useState } from '../../vendor/hooks.js';
import * as administration from '../administration.js';
import { isAbove } from '../ranks.js';
import { mayIn, people, place, servers, t, wordsOfError } from '../store.js';
import { Confirm } from './confirm.js';
import { Avatar, Field, FormProblem, Submit, Time, html, nameOf, orNull, useForm } from './kit.js';
import { PersonRoles, useStandings } from './member_roles.js';
import { Modal } from './modal.js';
import { closeDialog, openDialog, tellWord } from './navigation.js';

/** @typedef {{user_id: number, username: string, reason: string|null, created_at: string}} Ban */

const serverName = (/** @type {number} */ id) => servers.value.get(id)?.name ?? '';
const personNamed = (/** @type {number} */ id) => nameOf(id, people.value.get(id)?.username);

/** What one may do about a person in the server that is open. @param {{userId: number}} props */
export function PersonActions({ userId }) {
  const { server_id: serverId } = place.value;
  const standings = useStandings(serverId, userId);
  if (!serverId || !servers.value.has(serverId)) return null;
  const { all, own, target, mayBeMember } = standings;
  const isBelow = people.value.has(userId) && isAbove(all, own, target);
  const mayRemove = isBelow && mayBeMember && mayIn(serverId, 'kick_members');
  const mayBan = isBelow && mayIn(serverId, 'ban_members');
  const about = { serverId, userId };
  return html`<${PersonRoles} ...${about} standings=${standings} />
    ${(mayRemove || mayBan) && html`<div class="person-actions">
      ${mayRemove && html`<button type="button" class="button is-small" data-test="remove-member"
        onClick=${() => openDialog('remove_member', about)}>${t('remove_member.submit')}</button>`}
      ${mayBan && html`<button type="button" class="button is-small is-danger" data-test="ban"
        onClick=${() => openDialog('ban', about)}>${t('ban.submit')}</button>`}
    </div>`}`;
}

/** @param {{serverId: number, userId: number}} props */
export function RemoveMember({ serverId, userId }) {
  const about = { name: personNamed(userId), server: serverName(serverId) };
  return html`<${Confirm} title=${t('remove_member.title', about)} text=${t('remove_member.text', about)}
    action=${t('remove_member.submit')} run=${() => administration.removeMember(serverId, userId)} />`;
}

/** @param {{serverId: number, userId: number}} props */
export function BanPerson({ serverId, userId }) {
  const about = { name: personNamed(userId), server: serverName(serverId) };
  const form = useForm(async (values) => {
    await administration.ban(serverId, userId, orNull(values.reason));
    closeDialog();
    tellWord('ban.done');
  });
  return html`<${Modal} title=${t('ban.title', about)} onClose=${closeDialog}>
    <form class="form" onSubmit=${form.onSubmit} novalidate>
      <p>${t('ban.text', about)}</p>
      <${Field} name="reason" rows="2" label=${t('ban.reason')} hint=${t('ban.reason_hint')} form=${form}
        test="ban-reason" maxlength="512" autofocus />
      <${FormProblem} form=${form} />
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${closeDialog}>${t('form.cancel')}</button>
        <${Submit} form=${form} label=${t('ban.submit')} kind="danger" test="confirm" />
      </div>
    </form>
  <//>`;
}

/**
 * The bans that were read so far, and how one goes on with them.
 * @param {number} serverId
 */
function useBans(serverId) {
  const [bans, setBans] = useState(/** @type {Ban[] | null} */ (null));
  const [isComplete, setComplete] = useState(false);
  const [lifted, setLifted] = useState('');
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const [isBusy, setBusy] = useState(false);

  /** One at a time: each goes on where the one before has ended. @param {() => Promise<void>} act */
  async function one(act) {
    if (isBusy) return;
    setBusy(true);
    setFailure(null);
    await act().catch(setFailure);
    setBusy(false);
  }
  const load = () => one(async () => {
    const page = await administration.listBans(serverId, bans?.at(-1)?.user_id ?? 0);
    setBans([...(bans ?? []), ...page.bans]);
    setComplete(page.isLast);
  });
  const lift = (/** @type {Ban} */ { user_id, username }) => one(async () => {
    await administration.liftBan(serverId, user_id);
    setBans((bans ?? []).filter((ban) => ban.user_id !== user_id));
    setLifted(username);
  });
  useEffect(() => {
    load();
  }, []);
  return { bans, isComplete, lifted, failure, isBusy, load, lift };
}

/** @param {{serverId: number}} props */
export function Bans({ serverId }) {
  const { bans, isComplete, lifted, failure, isBusy, load, lift } = useBans(serverId);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const mayBan = mayIn(serverId, 'ban_members');
  useEffect(() => {
    if (!mayBan) closeDialog();
  }, [mayBan]);
  // The button that was pressed is gone with its row.
  useEffect(() => {
    if (lifted) (list.current?.querySelector('button') ?? list.current)?.focus();
  }, [bans?.length]);
  return html`<${Modal} title=${t('server_menu.bans')} onClose=${closeDialog}>
    ${bans?.length === 0 && isComplete && html`<p class="hint">${t('bans.none')}</p>`}
    <ul class="sessions bans" ref=${list} tabIndex=${-1}>
      ${bans?.map((ban) => html`<li key=${ban.user_id} data-test="banned">
        <${Avatar} id=${ban.user_id} name=${ban.username} />
        <div><strong>@${ban.username}</strong>
          <p class="muted"><${Time} at=${ban.created_at} style="moment" /></p>
        </div>
        <button type="button" class="button is-small" data-test="lift-ban"
          aria-label=${t('bans.lift_of', { name: ban.username })} aria-disabled=${isBusy ? 'true' : undefined}
          onClick=${() => lift(ban)}>${t('bans.lift')}</button>
        ${ban.reason && html`<p class="ban-reason">${ban.reason}</p>`}
      </li>`)}
    </ul>
    <p class="hint" role="status">${!bans && !failure && t('loading')}
      ${lifted && t('bans.lifted', { name: lifted })}</p>
    ${failure && html`<p class="problem" role="alert">${wordsOfError(failure)}</p>`}
    ${((failure && !bans) || (bans && !isComplete)) && html`<button type="button" class="button is-small"
      aria-disabled=${isBusy ? 'true' : undefined} onClick=${load}>${t(failure ? 'again' : 'members.more')}</button>`}
  <//>`;
}
