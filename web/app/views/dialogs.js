// @ts-check
// The dialogs about servers, channels and people; one is open at a time.
import { useState } from '../../vendor/hooks.js';
import { countUnsent, logOut, openServer, remove } from '../actions.js';
import * as administration from '../administration.js';
import { channels, channelsOf, mayIn, me, members, people, rightsIn, servers, t } from '../store.js';
import { Confirm } from './confirm.js';
import { EmojiPicker } from './emoji_picker.js';
import {
  Avatar, Field, FormError, FormProblem, Icon, Submit, Time, copyText, demand, html, nameOf, orNull, personName,
  useForm,
} from './kit.js';
import { MemberRoles } from './member_roles.js';
import { Modal } from './modal.js';
import { BanPerson, Bans, PersonActions, RemoveMember } from './moderation.js';
import {
  closeDialog, dialog, focusComposer, hush, isNavigationOpen, openDialog, showChannel, showFirst, tell,
} from './navigation.js';
import { ConfirmRole, RoleForm, Roles } from './roles.js';
import { KeysDialog, Settings } from './settings.js';
import { Switcher } from './switcher.js';

function NewServer() {
  const form = useForm(async (values) => {
    demand(values, ['name']);
    const description = orNull(values.description);
    await administration.createServer({ name: values.name.trim(), ...(description && { description }) });
    isNavigationOpen.value = false;
    closeDialog();
    focusComposer();
  });
  return html`<${Modal} title=${t('new_server.title')} onClose=${closeDialog}>
    <form class="form" onSubmit=${form.onSubmit} novalidate>
      <${Field} name="name" label=${t('new_server.name')} hint=${t('new_server.hint')} form=${form} test="server-name"
        maxlength="100" autofocus autocomplete="off" />
      <${Field} name="description" label=${t('field.description')} form=${form} maxlength="1024" autocomplete="off" />
      <${FormProblem} form=${form} />
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${() => openDialog('join')}>${t('new_server.rather_join')}</button>
        <${Submit} form=${form} label=${t('new_server.submit')} test="create-server" />
      </div>
    </form>
  <//>`;
}

/** The id in what somebody pasted: the number alone, or a link to this page. @param {string} text */
function serverIdOf(text) {
  const found = /^\s*(\d{1,15})\s*$/.exec(text) ?? /servers\/(\d{1,15})/.exec(text);
  return found ? Number(found[1]) : null;
}

/**
 * What came with a link, if one was followed: the server, and where in it the link leads.
 * @param {{code?: number, place?: import('../store.js').Place}} props
 */
function Join({ code, place }) {
  const asked = place?.message_id ? 'join.asked_message' : 'join.asked';
  const form = useForm(async (values) => {
    demand(values, ['code']);
    const id = serverIdOf(values.code);
    if (!id) throw new FormError({ code: t('join.no_id') });
    if (servers.value.has(id)) openServer(id);
    else await administration.joinServer(id);
    isNavigationOpen.value = false;
    closeDialog();
    if (id === place?.server_id && place.channel_id) showChannel(place.channel_id, place.message_id);
    else focusComposer();
  });
  // Who followed a link need not know of ids.
  return html`<${Modal} title=${t(code ? 'join.this' : 'join.title')} onClose=${closeDialog}>
    <form class="form" onSubmit=${form.onSubmit} novalidate>
      ${code ? html`<p>${t(asked)}</p><input type="hidden" name="code" value=${code} />` : html`<${Field} name="code"
        label=${t('join.id')} hint=${t('join.hint')} form=${form} test="join-code" maxlength="300" autofocus
        autocomplete="off" />`}
      <${FormProblem} form=${form} />
      <div class="dialog-foot">
        ${code ? html`<button type="button" class="button" onClick=${closeDialog}>${t('form.cancel')}</button>`
          : html`<button type="button" class="button" onClick=${() => openDialog('new_server')}>${t('join.rather_make')}
            </button>`}
        <${Submit} form=${form} label=${t('join.submit')} test="join" autofocus=${!!code} />
      </div>
    </form>
  <//>`;
}

/** @param {{serverId: number}} props */
function Invite({ serverId }) {
  const [isCopied, setCopied] = useState(false);
  const link = new URL(`#/servers/${serverId}`, document.baseURI).href;
  const copy = async () => {
    const isDone = await copyText(link);
    if (isDone) setCopied(true);
    else tell({ word: 'invite.not_copied' });
  };
  return html`<${Modal} title=${t('invite.title', { name: servers.value.get(serverId)?.name ?? '' })}
    onClose=${closeDialog}>
    <p>${t('invite.text')}</p>
    <dl class="facts">
      <dt>${t('invite.id')}</dt><dd><code class="selectable" data-test="invite-id">${serverId}</code></dd>
      <dt>${t('invite.link')}</dt><dd><code class="selectable">${link}</code></dd>
    </dl>
    <div class="dialog-foot">
      <button type="button" class="button is-primary" onClick=${copy} autofocus>
        <span aria-live="polite">${t(isCopied ? 'invite.copied' : 'invite.copy')}</span>
      </button>
    </div>
  <//>`;
}

/** What the menu offers: a dialog, its icon, and whoever may use it: by a permission, or by what they are. */
const MENU = [
  ['invite', 'invite', 'anybody'],
  ['new_channel', 'add', 'makes_channels'],
  ['server_settings', 'settings', 'manage_server'],
  ['roles', 'people', 'manage_roles'],
  ['bans', 'ban', 'ban_members'],
  ['hand_over', 'person', 'owner'],
  ['delete_server', 'delete', 'owner'],
  ['leave_server', 'leave', 'guest'],
];

/** @param {{serverId: number, anchor: DOMRect}} props */
function ServerMenu({ serverId, anchor }) {
  const server = servers.value.get(serverId);
  if (!server) return null;
  const isOwner = server.owner_id === me.value?.id;
  const rights = rightsIn(serverId).value;
  const may = (/** @type {string} */ who) =>
    /** @type {Record<string, boolean>} */ ({
      anybody: true, owner: isOwner, guest: !isOwner,
      makes_channels: rights.has('manage_channels') && rights.has('view_channel'),
    })[who] ?? rights.has(who);
  return html`<${Modal} title=${server.name} isTitleHidden class="menu" anchor=${anchor} onClose=${closeDialog}>
    <ul>
      ${MENU.filter(([, , who]) => may(who)).map(([name, icon]) => html`<li key=${name}>
        <button type="button" class=${/^(delete|leave)/.test(name) ? 'is-danger' : ''} data-test="menu-${name}"
          onClick=${() => openDialog(name, { serverId })}>
          <${Icon} name=${icon} />${t(`server_menu.${name}`)}
        </button>
      </li>`)}
    </ul>
  <//>`;
}

/** @param {{serverId: number}} props */
function ServerSettings({ serverId }) {
  const server = servers.value.get(serverId);
  const form = useForm(async (values) => {
    demand(values, ['name']);
    const { name, description, icon_url } = values;
    const patch = { name: name.trim(), description: orNull(description), icon_url: orNull(icon_url) };
    await administration.updateServer(serverId, patch);
    closeDialog();
  });
  if (!server) return null;
  return html`<${Modal} title=${t('server_menu.server_settings')} onClose=${closeDialog}>
    <form class="form" onSubmit=${form.onSubmit} novalidate>
      <${Field} name="name" label=${t('new_server.name')} form=${form} defaultValue=${server.name}
        maxlength="100" autofocus />
      <${Field} name="description" label=${t('field.description')} form=${form} rows="3"
        defaultValue=${server.description ?? ''} maxlength="1024" />
      <${Field} name="icon_url" type="url" label=${t('field.icon_url')} hint=${t('rule.picture')} form=${form}
        defaultValue=${server.icon_url ?? ''} maxlength="2048" />
      <${FormProblem} form=${form} />
      <div class="dialog-foot"><${Submit} form=${form} label=${t('form.save')} /></div>
    </form>
  <//>`;
}

/** @param {{channelId: number, anchor: DOMRect}} props */
function ChannelInfo({ channelId, anchor }) {
  const channel = channels.value.get(channelId);
  if (!channel) return null;
  const mayChange = mayIn(channel.server_id, 'manage_channels');
  return html`<${Modal} title=${`#${channel.name}`} class="info" anchor=${anchor} onClose=${closeDialog}>
    <p class="person-bio">${channel.description || html`<span class="muted">${t('channel.no_topic')}</span>`}</p>
    <p class="hint">${t('channel.made')} <${Time} at=${channel.created_at} style="moment" /></p>
    <div class="dialog-foot">
      ${mayChange && html`<button type="button" class="button is-small"
        onClick=${() => openDialog('channel', { channel })}>${t('channel_form.change')}</button>`}
      ${mayIn(channel.server_id, 'read_history') && html`<button type="button" class="button is-small"
        data-test="jump-first" onClick=${() => {
          closeDialog();
          showFirst(channelId);
        }}>${t('channel.first')}</button>`}
    </div>
  <//>`;
}

/** @param {{channel?: any, serverId?: number}} props */
function ChannelForm({ channel, serverId }) {
  const form = useForm(async (values) => {
    demand(values, ['name']);
    const name = values.name.trim();
    const description = orNull(values.description);
    const topic = description && { description };
    if (channel) await administration.updateChannel(channel.id, { name, description });
    else if (serverId) await administration.createChannel({ server_id: serverId, name, ...topic });
    isNavigationOpen.value = false;
    closeDialog();
    if (!channel) focusComposer();
  });
  return html`<${Modal} title=${t(channel ? 'channel_form.change' : 'channel_form.new')} onClose=${closeDialog}>
    <form class="form" onSubmit=${form.onSubmit} novalidate>
      <${Field} name="name" label=${t('channel_form.name')} form=${form} test="channel-name"
        defaultValue=${channel?.name ?? ''} maxlength="100" autofocus autocomplete="off" />
      <${Field} name="description" label=${t('channel_form.topic')} form=${form}
        defaultValue=${channel?.description ?? ''} maxlength="1024" autocomplete="off" />
      <${FormProblem} form=${form} />
      <div class="dialog-foot">
        ${channel && html`<button type="button" class="button is-danger"
          onClick=${() => openDialog('delete_channel', { channelId: channel.id })}>
          ${t('channel_form.delete')}
        </button>`}
        <${Submit} form=${form} label=${t(channel ? 'form.save' : 'channel_form.submit')} test="create-channel" />
      </div>
    </form>
  <//>`;
}

/** @param {{serverId: number}} props */
function HandOver({ serverId }) {
  const form = useForm(async (values) => {
    demand(values, ['user_id']);
    await administration.handOver(serverId, Number(values.user_id));
    closeDialog();
  });
  const ids = (members.value.get(serverId)?.user_ids ?? []).filter((id) => id !== me.value?.id);
  const name = servers.value.get(serverId)?.name ?? '';
  return html`<${Modal} title=${t('hand_over.title', { name })} onClose=${closeDialog}>
    ${ids.length === 0 ? html`<p>${t('hand_over.nobody')}</p>` : html`<form class="form"
      onSubmit=${form.onSubmit} novalidate>
      <p>${t('hand_over.text')}</p>
      <label class="select is-wide"><span>${t('hand_over.to')}</span>
        <select name="user_id">
          ${ids.map((/** @type {number} */ id) => html`<option key=${id} value=${id}>
          ${nameOf(id, people.value.get(id)?.username)}</option>`)}</select>
      </label>
      <${FormProblem} form=${form} />
      <div class="dialog-foot"><${Submit} form=${form} label=${t('hand_over.submit')} kind="danger" /></div>
    </form>`}
  <//>`;
}

/** @param {{kind: 'delete_server' | 'leave_server', serverId: number}} props */
function ConfirmServer({ kind, serverId }) {
  const name = servers.value.get(serverId)?.name ?? '';
  const count = channelsOf(serverId).length;
  const run = async () => {
    await (kind === 'delete_server' ? administration.deleteServer(serverId) : administration.leaveServer(serverId));
    hush(kind === 'delete_server' ? 'notice.server_deleted' : 'notice.server_left');
  };
  return html`<${Confirm} title=${t(`${kind}.title`, { name })} text=${t(`${kind}.text`, { name, count })}
    action=${t(`${kind}.submit`)} run=${run} />`;
}

/** @param {{channelId: number}} props */
function ConfirmChannel({ channelId }) {
  const name = channels.value.get(channelId)?.name ?? '';
  return html`<${Confirm} title=${t('delete_channel.title', { name })} text=${t('delete_channel.text', { name })}
    action=${t('delete_channel.submit')} run=${() => administration.deleteChannel(channelId)} />`;
}

/** @param {{message: any}} props */
function ConfirmMessage({ message }) {
  const quote = message.content.length > 280 ? `${message.content.slice(0, 280)}…` : message.content;
  const isMine = message.author_id !== null && message.author_id === me.value?.id;
  const name = nameOf(message.author_id, message.author_username);
  return html`<${Confirm} title=${t('delete_message.title')} quote=${quote} action=${t('delete_message.submit')}
    text=${isMine ? t('delete_message.text_mine') : t('delete_message.text', { name })}
    run=${() => remove(message)} />`;
}

function ConfirmLogout() {
  const parts = Object.entries(countUnsent()).filter(([, count]) => count > 0);
  const list = parts.map(([what, count]) => t(`logout.${what}`, { count })).join(', ');
  return html`<${Confirm} title=${t('logout.title')} text=${t('logout.text', { list })} action=${t('logout')}
    run=${logOut} />`;
}

/** @param {{userId: number, anchor?: DOMRect}} props */
function Person({ userId, anchor }) {
  const person = people.value.get(userId) ?? (me.value?.id === userId ? me.value : null);
  const bio = me.value?.id === userId ? me.value.bio : null;
  const name = person ? personName(person) : t('person.deleted');
  return html`<${Modal} title=${name} class="person" anchor=${anchor} onClose=${closeDialog}>
    <div class="person-card">
      <${Avatar} id=${userId} name=${name} size="large" />
      ${person && html`<p class="muted">@${person.username}</p>`}
      ${bio && html`<p class="person-bio">${bio}</p>`}
    </div>
    <${PersonActions} userId=${userId} />
  <//>`;
}

const DIALOGS = /** @type {Record<string, any>} */ ({
  new_server: NewServer,
  join: Join,
  invite: Invite,
  server_menu: ServerMenu,
  server_settings: ServerSettings,
  new_channel: ChannelForm,
  channel: ChannelForm,
  channel_info: ChannelInfo,
  roles: Roles,
  role: RoleForm,
  delete_role: ConfirmRole,
  member_roles: MemberRoles,
  bans: Bans,
  ban: BanPerson,
  remove_member: RemoveMember,
  hand_over: HandOver,
  delete_server: ConfirmServer,
  leave_server: ConfirmServer,
  delete_channel: ConfirmChannel,
  delete_message: ConfirmMessage,
  logout: ConfirmLogout,
  person: Person,
  settings: Settings,
  keys: KeysDialog,
  switcher: Switcher,
  emoji: EmojiPicker,
});

/** Whichever dialog is open. */
export function Dialogs() {
  const open = dialog.value;
  if (!open) return null;
  const { name, ...about } = open;
  return html`<${DIALOGS[name]} key=${name} kind=${name} ...${about} />`;
}
