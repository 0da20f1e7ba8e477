// @ts-check
// What is open on the screen, and the ways there: the rail of servers, the channels of the one that is open, and the
// keys that work everywhere. Nothing of it outlives the page, nor who is in.
import { useEffect, useLayoutEffect, useRef } from '../../vendor/hooks.js';
import { batch, computed, effect, signal } from '../../vendor/signals.js';
import * as actions from '../actions.js';
import {
  channelsOf, dismiss, edits, mayIn, me, notices, notify, phase, place, placeOfLink, put, servers, t, unreadOf,
} from '../store.js';
import { Avatar, Icon, IconButton, classes, html, personName, roveFocus, shortNumberOf } from './kit.js';

/** The dialog that is open, by its name, with what it is about. @type {import('../store.js').Signal<any>} */
export const dialog = signal(null);
/** What is shown beside the messages. @type {import('../store.js').Signal<null | 'members' | 'pins'>} */
export const side = signal(
  /** @type {null | 'members' | 'pins'} */ (matchMedia('(min-width: 1200px)').matches ? 'members' : null),
);
matchMedia('(max-width: 1099px)').addEventListener('change', ({ matches }) => {
  if (matches) side.value = null;
});
/** Whether there is no room for more than the messages (a phone). */
export const small = matchMedia('(max-width: 759px)');
/** Whether servers and channels are shown where there is no room for all. */
export const isNavigationOpen = signal(true);
/** The id of the message that is being edited, by channel. @type {import('../store.js').Signal<Map<number, number>>} */
const edited = signal(new Map());
/** The one of the channel that is open. */
export const editing = computed(() => edited.value.get(place.value.channel_id ?? 0) ?? null);
/** The key of the row that Tab leads to. @type {import('../store.js').Signal<string | null>} */
export const activeRow = signal(null);
/** Where the messages are to scroll to next. @type {import('../store.js').Signal<any>} */
export const target = signal(null);
/** How often all was marked as read by hand. */
export const readByKey = signal(0);

effect(() => {
  const isIn = phase.value === 'in';
  batch(() => {
    // What was being edited before a reload is so again.
    edited.value = new Map(isIn ? [...edits.peek()].map(([id, { channel_id }]) => [channel_id, id]) : []);
    if (!isIn) for (const about of [dialog, activeRow, target]) about.value = null;
  });
});

/** @param {number} channelId @param {number | null} messageId */
export const setEditing = (channelId, messageId) => put(edited, channelId, messageId ?? undefined);

/** @param {string} name @param {Record<string, any>} [about] */
export function openDialog(name, about = {}) {
  dialog.value = { name, ...about };
}

export function closeDialog() {
  dialog.value = null;
}

/** What waits for the end of the dialog that stands. @type {(() => void) | null} */
let waiting = null;

/**
 * Does something with what is behind a dialog. While one stands, which is longer than `dialog` says so, nothing there
 * can have the focus.
 * @param {() => void} action
 */
export function behindDialog(action) {
  if (document.querySelector('dialog[open]')) waiting = action;
  else action();
}

/** A dialog has gone: does what waited for that, if anything did. */
export function afterDialog() {
  const action = waiting;
  waiting = null;
  action?.();
}

export function focusComposer() {
  behindDialog(() => {
    const composer = document.querySelector('[data-test=composer]');
    if (composer instanceof HTMLElement) composer.focus();
  });
}

/** Says in a notice what went wrong with an action that has no form. @param {any} error */
export function tell({ kind = 'error', code, word, detail, message }) {
  // What a logout has made of it is no news.
  if (phase.peek() !== 'in') return;
  const key = `view-${Date.now()}-${Math.random()}`;
  notify({ key, kind, code, detail: detail ?? message, word });
}

/** Says shortly that something was done. @param {string} word */
export const tellWord = (word) => tell({ kind: 'info', word });

/** Takes back what was told, where the person knows it better. @param {string} what its code, or its word */
export function hush(what) {
  for (const { code, word, key } of notices.peek()) if (what === code || what === word) dismiss(key);
}

/** Does something whose failure is told in a notice. @param {() => any} action */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    tell(error);
    return undefined;
  }
}

/** @param {number} serverId */
export const showServer = (serverId) => attempt(() => actions.openServer(serverId));

/** @param {number} channelId @param {number} [messageId] */
export function showChannel(channelId, messageId) {
  batch(() => {
    isNavigationOpen.value = false;
    activeRow.value = null;
  });
  attempt(() => actions.openChannel(channelId, messageId));
}

/** Marks all of a channel as read, by hand. @param {number} channelId */
export function readAll(channelId) {
  actions.markRead(channelId);
  readByKey.value += 1;
}

/** @param {number} channelId */
export function showFirst(channelId) {
  target.value = { channelId, isFirst: true };
  attempt(() => actions.jumpToFirst(channelId));
}

/** @param {number} channelId */
export function showNewest(channelId) {
  target.value = { channelId, isNewest: true };
  attempt(() => actions.jumpToNewest(channelId));
}

/**
 * Shows a message of the channel that is open, from wherever it is.
 * @param {number} channelId
 * @param {number} messageId
 */
export function showMessage(channelId, messageId) {
  if (place.value.channel_id !== channelId) {
    showChannel(channelId, messageId);
    return;
  }
  target.value = { channelId, messageId };
  attempt(() => actions.jumpTo(channelId, messageId));
}

/** A link into this page leads there without another tab, unless it is wanted in one. @param {MouseEvent} event */
export function followLink(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.currentTarget instanceof HTMLAnchorElement)) return;
  const { server_id, channel_id, message_id } = placeOfLink(event.currentTarget.href, document.baseURI);
  if (channel_id === undefined || !servers.value.has(server_id ?? -1)) return;
  event.preventDefault();
  if (message_id === undefined) showChannel(channel_id);
  else showMessage(channel_id, message_id);
}

// Servers and channels.

/** How much is unread in a server. @param {number} serverId */
const unreadIn = (serverId) => channelsOf(serverId).reduce((sum, { id }) => sum + unreadOf(id).value.count, 0);

/** Two letters that stand for a server. @param {string} name */
function initialsOf(name) {
  const words = name.trim().split(/\s+/);
  return (words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]) : [...words[0]].slice(0, 2)).join('');
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

/** @param {{channel: import('../store.js').Channel, isOpen: boolean, isFirst: boolean, mayChange: boolean}} props */
function ChannelButton({ channel, isOpen, isFirst, mayChange }) {
  const { count } = unreadOf(channel.id).value;
  return html`<li class=${classes('channel', isOpen && 'is-open', count > 0 && 'is-unread')}>
    <button type="button" class="channel-button" data-test="channel" data-id=${channel.id} title=${channel.name}
      tabIndex=${isOpen || isFirst ? 0 : -1} aria-current=${isOpen ? 'page' : undefined}
        onClick=${() => showChannel(channel.id)}>
      <${Icon} name="hash" /><span class="cut">${channel.name}</span>
      ${count > 0 && html`<span class="badge" data-test="unread"><span aria-hidden="true">${shortNumberOf(count)}</span>
        <span class="hidden-text">${t('unread.count', { count })}</span></span>`}
    </button>
    ${mayChange && html`<${IconButton} icon="settings" class="channel-change"
      label=${t('channel.change', { name: channel.name })}
      tabIndex=${isOpen ? 0 : -1} onClick=${() => openDialog('channel', { channel })} />`}
  </li>`;
}

/** Why there is no channel. @param {number} serverId @returns {string} the key of the words */
export function noChannelIn(serverId) {
  if (!mayIn(serverId, 'view_channel')) return 'channels.none_seen';
  return mayIn(serverId, 'manage_channels') ? 'channels.none_mine' : 'channels.none';
}

/** @param {{server: import('../store.js').Server}} props */
function Channels({ server }) {
  const all = channelsOf(server.id);
  const mayChange = mayIn(server.id, 'manage_channels') && mayIn(server.id, 'view_channel');
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
        ${mayChange && html`<${IconButton} icon="add" label=${t('channels.new')} data-test="new-channel"
          onClick=${() => openDialog('new_channel', { serverId: server.id })} />`}
      </div>
      <ul ref=${list} aria-labelledby="channels-title"
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => roveFocus(event, '.channel-button')}>
        ${all.map((channel, index) => html`<${ChannelButton} key=${channel.id} channel=${channel} mayChange=${mayChange}
          isOpen=${channel.id === open} isFirst=${!isOneOpen && index === 0} />`)}
      </ul>
      ${all.length === 0 && html`<p class="hint is-empty">${t(noChannelIn(server.id))}</p>`}
    </div>`;
}

/** Logs out, after a question where something would be gone that is not sent. */
const leave = () =>
  (Object.values(actions.countUnsent()).some(Boolean) ? openDialog('logout') : attempt(actions.logOut));

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
    <${IconButton} icon="leave" label=${t('logout')} data-test="logout" onClick=${leave} />
  </div>`;
}

/**
 * Servers and channels: beside the messages, or over them on a phone.
 * @param {{children?: any}} props what a phone, where nothing else is seen, says in the place of channels
 */
export function Navigation({ children }) {
  const server = servers.value.get(place.value.server_id ?? -1);
  const isOpen = isNavigationOpen.value;
  const wasOpen = useRef(isOpen);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const isOverMessages = isOpen && !wasOpen.current && small.matches;
    wasOpen.current = isOpen;
    const first = box.current?.querySelector('[aria-current], button');
    if (isOverMessages && first instanceof HTMLElement) first.focus();
  }, [isOpen]);
  return html`<div ref=${box} class=${classes('navigation', isOpen && 'is-open')}>
    <${Rail} />
    <nav class="channels" aria-label=${t('channels.title')}>
      ${server ? html`<${Channels} key=${server.id} server=${server} />` : html`<div class="channels-head">
        <h2>Madang</h2></div>
        <div class="channels-scroll"><p class="hint is-empty">
          ${t(servers.value.size > 0 ? 'channels.choose_server' : 'channels.no_server')}</p>
          ${children}</div>`}
      <${OwnBar} />
    </nav>
  </div>`;
}

// Keys.

/** Whether the keys are those of Apple's keyboards. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * The channel before or after the open one in its server, the next unread one if wanted.
 * @param {number} step
 * @param {boolean} isUnread
 */
function step(step, isUnread) {
  const { server_id, channel_id } = place.value;
  const all = channelsOf(server_id);
  if (all.length === 0) return;
  const now = all.findIndex((channel) => channel.id === channel_id);
  for (let i = 1; i <= all.length; i += 1) {
    const from = now < 0 && step < 0 ? 0 : now;
    const channel = all[(((from + step * i) % all.length) + all.length) % all.length];
    if (!isUnread || (unreadOf(channel.id).value.count > 0 && channel.id !== channel_id)) {
      if (channel.id !== channel_id) showChannel(channel.id);
      return;
    }
  }
}

/** Closes what lies over the messages, where there is little room. @returns {boolean} whether something did */
function closePanel() {
  if (side.value && matchMedia('(max-width: 1099px)').matches) {
    side.value = null;
    return true;
  }
  const isOver = isNavigationOpen.value && !!place.value.channel_id && small.matches;
  if (!isOver) return false;
  isNavigationOpen.value = false;
  const opener = document.querySelector('[data-test=open-navigation]');
  if (opener instanceof HTMLElement) opener.focus();
  return true;
}

/** @param {EventTarget | null} element */
const isForText = (element) =>
  element instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  const isControl = isApple ? event.metaKey : event.ctrlKey;
  if (isControl && !event.shiftKey && !event.altKey && event.code === 'KeyK') {
    event.preventDefault();
    if (dialog.value?.name === 'switcher') closeDialog();
    else if (!dialog.value) openDialog('switcher');
    return;
  }
  if (dialog.value) return;
  if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    event.preventDefault();
    step(event.key === 'ArrowUp' ? -1 : 1, event.shiftKey);
    return;
  }
  if (event.key === 'Escape' && closePanel()) return;
  if (event.key === 'Escape' && place.value.channel_id) {
    readAll(place.value.channel_id);
    return;
  }
  if (isForText(event.target)) return;
  const { channel_id } = place.value;
  if (isControl && channel_id && (event.key === 'Home' || event.key === 'End')) {
    event.preventDefault();
    (event.key === 'Home' ? showFirst : showNewest)(channel_id);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '?') {
    event.preventDefault();
    openDialog('keys');
  } else if (document.activeElement === document.body && event.key.length === 1 && event.key !== ' ') {
    // Who types without having chosen a place means the message box; the character itself arrives there.
    focusComposer();
  }
}

/** Listens while somebody is in. */
export function useKeys() {
  useEffect(() => {
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}
