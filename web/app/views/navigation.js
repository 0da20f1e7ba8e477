// @ts-check
// The rail of servers and the channels of the one that is open.
import { useLayoutEffect, useRef } from '../../vendor/hooks.js';
import { logOut } from '../actions.js';
import { channels, me, place, servers, unreadOf } from '../store.js';
import { t } from '../words.js';
import { Avatar, Icon, IconButton, classes, html, numberOf, personName, roveFocus } from './kit.js';
import { attempt, isNavigationOpen, openDialog, showChannel, showServer } from './screen.js';

/** The channels of a server, in the order in which they were made. @param {number | undefined} serverId */
export function channelsOf(serverId) {
  return [...channels.value.values()].filter((channel) => channel.server_id === serverId).sort((a, b) => a.id - b.id);
}

/** How much is unread in a server. @param {number} serverId */
function unreadIn(serverId) {
  return channelsOf(serverId).reduce((sum, channel) => sum + unreadOf(channel.id).value.count, 0);
}

/** @param {number} count */
export function shortNumberOf(count) {
  return count > 99 ? '99+' : numberOf(count);
}

/** Two letters that stand for a server. @param {string} name */
function initialsOf(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]) : [...(words[0] ?? '')].slice(0, 2);
  return letters.join('');
}

/** @param {{server: import('../store.js').Server, isOpen: boolean, isFirst: boolean}} props */
function ServerButton({ server, isOpen, isFirst }) {
  const unread = unreadIn(server.id);
  return html`<li class=${classes('rail-item', isOpen && 'is-open')}>
    <button type="button" class="rail-button tone-${server.id % 8}" data-test="server" data-id=${server.id}
      title=${server.name}
      tabIndex=${isOpen || isFirst ? 0 : -1} aria-current=${isOpen ? 'true' : undefined}
        onClick=${() => showServer(server.id)}>
      <span aria-hidden="true">${initialsOf(server.name)}</span>
      <span class="hidden-text">${server.name}</span>
      ${unread > 0 && !isOpen && html`<span class="rail-badge"><span aria-hidden="true">${shortNumberOf(unread)}</span>
        <span class="hidden-text">${t('unread.count', { count: unread })}</span></span>`}
    </button>
  </li>`;
}

function Rail() {
  const all = [...servers.value.values()];
  const { server_id: open } = place.value;
  const isOneOpen = open !== undefined && servers.value.has(open);
  return html`<nav class="rail" aria-label=${t('rail.label')}>
    <ul onKeyDown=${(/** @type {KeyboardEvent} */ event) => roveFocus(event, '.rail-button')}>
      ${all.map((server, index) => html`<${ServerButton} key=${server.id} server=${server} isOpen=${server.id === open}
        isFirst=${!isOneOpen && index === 0} />`)}
    </ul>
    <div class="rail-more">
      <${IconButton} icon="add" class="rail-extra" label=${t('rail.new_server')} data-test="new-server"
        onClick=${() => openDialog('new_server')} />
      <${IconButton} icon="enter" class="rail-extra" label=${t('rail.join')} data-test="join-server"
        onClick=${() => openDialog('join')} />
    </div>
  </nav>`;
}

/** @param {{channel: import('../store.js').Channel, isOpen: boolean, isFirst: boolean, isMine: boolean}} props */
function ChannelButton({ channel, isOpen, isFirst, isMine }) {
  const { count } = unreadOf(channel.id).value;
  return html`<li class=${classes('channel', isOpen && 'is-open', count > 0 && 'is-unread')}>
    <button type="button" class="channel-button" data-test="channel" data-id=${channel.id} title=${channel.name}
      tabIndex=${isOpen || isFirst ? 0 : -1} aria-current=${isOpen ? 'page' : undefined}
        onClick=${() => showChannel(channel.id)}>
      <${Icon} name="hash" /><span class="cut">${channel.name}</span>
      ${count > 0 && html`<span class="badge" data-test="unread"><span aria-hidden="true">${shortNumberOf(count)}</span>
        <span class="hidden-text">${t('unread.count', { count })}</span></span>`}
    </button>
    ${isMine && html`<${IconButton} icon="settings" class="channel-change"
      label=${t('channel.change', { name: channel.name })}
      tabIndex=${isOpen ? 0 : -1} onClick=${() => openDialog('channel', { channel })} />`}
  </li>`;
}

/** @param {{server: import('../store.js').Server}} props */
function Channels({ server }) {
  const all = channelsOf(server.id);
  const isMine = server.owner_id === me.value?.id;
  const open = place.value.channel_id;
  const isOneOpen = all.some((channel) => channel.id === open);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    list.current?.querySelector('.is-open')?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  const menu = (/** @type {any} */ event) =>
    openDialog('server_menu', { serverId: server.id, anchor: event.currentTarget.getBoundingClientRect() });
  return html`<div class="channels-head">
      <button type="button" class="server-name" aria-haspopup="dialog"
        title=${[server.name, server.description].filter(Boolean).join('\n')} data-test="server-menu" onClick=${menu}>
        <h2 class="cut">${server.name}</h2><${Icon} name="down" />
      </button>
    </div>
    <div class="channels-scroll">
      <div class="channels-title">
        <h3 id="channels-title">${t('channels.title')}</h3>
        ${isMine && html`<${IconButton} icon="add" label=${t('channels.new')} data-test="new-channel"
          onClick=${() => openDialog('new_channel', { serverId: server.id })} />`}
      </div>
      <ul ref=${list} aria-labelledby="channels-title"
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => roveFocus(event, '.channel-button')}>
        ${all.map((channel, index) => html`<${ChannelButton} key=${channel.id} channel=${channel} isMine=${isMine}
          isOpen=${channel.id === open} isFirst=${!isOneOpen && index === 0} />`)}
      </ul>
      ${all.length === 0 && html`<p class="hint is-empty">${t(isMine ? 'channels.none_mine' : 'channels.none')}</p>`}
    </div>`;
}

function OwnBar() {
  const own = me.value;
  if (!own) return null;
  const name = personName(own);
  return html`<div class="own-bar">
    <${Avatar} id=${own.id} name=${name} />
    <span class="own-name"><span class="cut" title=${name}>${name}</span><span class="cut muted"
      title=${own.username}>@${own.username}</span></span>
    <${IconButton} icon="settings" label=${t('settings.title')} data-test="settings"
      onClick=${() => openDialog('settings')} />
    <${IconButton} icon="leave" label=${t('logout')} data-test="logout" onClick=${() => attempt(logOut)} />
  </div>`;
}

/** Servers and channels: beside the messages, or over them on a phone. */
export function Navigation() {
  const server = servers.value.get(place.value.server_id ?? -1);
  return html`<div class=${classes('navigation', isNavigationOpen.value && 'is-open')}>
    <${Rail} />
    <nav class="channels" aria-label=${t('channels.title')}>
      ${server ? html`<${Channels} key=${server.id} server=${server} />` : html`<div class="channels-head">
        <h2>Madang</h2></div>
        <div class="channels-scroll"><p class="hint is-empty">
          ${t(servers.value.size > 0 ? 'channels.choose_server' : 'channels.no_server')}</p></div>`}
      <${OwnBar} />
    </nav>
  </div>`;
}
