// @ts-check
// What is open on the screen. Nothing of it outlives the page, nor who is in.
import { batch, effect, signal } from '../../vendor/signals.js';
import * as actions from '../actions.js';
import { linkTo, placeOfLink } from '../route.js';
import { notices, phase, place, servers } from '../store.js';
import { copyText } from './kit.js';

/** The dialog that is open, by its name, with what it is about. @type {import('../store.js').Signal<any>} */
export const dialog = signal(null);
/** What is shown beside the messages. @type {import('../store.js').Signal<null | 'members' | 'pins'>} */
export const side = signal(
  /** @type {null | 'members' | 'pins'} */ (matchMedia('(min-width: 1200px)').matches ? 'members' : null),
);
matchMedia('(max-width: 1099px)').addEventListener('change', ({ matches }) => {
  if (matches) side.value = null;
});
/** Whether servers and channels are shown where there is no room for all (a phone). */
export const isNavigationOpen = signal(true);
/** The message that is being answered, by channel. @type {import('../store.js').Signal<Map<number, any>>} */
export const replies = signal(new Map());
/** The id of the message that is being edited. @type {import('../store.js').Signal<number | null>} */
export const editing = signal(null);
/** The key of the row that Tab leads to. @type {import('../store.js').Signal<string | null>} */
export const activeRow = signal(null);
/** Where the messages are to scroll to next. @type {import('../store.js').Signal<any>} */
export const target = signal(null);

/** How often all was marked as read by hand. */
export const readByKey = signal(0);

effect(() => {
  if (phase.value === 'in') return;
  batch(() => {
    for (const about of [dialog, editing, activeRow, target]) about.value = null;
    replies.value = new Map();
  });
});

/**
 * @param {string} name
 * @param {Record<string, any>} [about]
 */
export function openDialog(name, about = {}) {
  dialog.value = { name, ...about };
}

export function closeDialog() {
  dialog.value = null;
}

/**
 * @param {number} channelId
 * @param {any} message null: no answer any more
 */
export function setReply(channelId, message) {
  const next = new Map(replies.value);
  if (message) next.set(channelId, message);
  else next.delete(channelId);
  replies.value = next;
  if (message) focusComposer();
}

export function focusComposer() {
  requestAnimationFrame(() => {
    const composer = document.querySelector('[data-test=composer]');
    if (composer instanceof HTMLElement) composer.focus();
  });
}

/** Says in a notice what went wrong with an action that has no form. @param {any} error */
export function tell(error) {
  const key = `view-${Date.now()}-${Math.random()}`;
  const { kind = 'error', code, word } = error;
  const notice = { key, kind, code, detail: error.detail ?? error.message, word };
  notices.value = [...notices.value, notice].slice(-5);
}

/**
 * Says shortly that something was done.
 * @param {string} word
 */
export function tellWord(word) {
  tell({ kind: 'info', word });
}

/** Takes back what was told, where the person knows it better. @param {string} code */
export function hush(code) {
  for (const notice of notices.peek()) if (notice.code === code) actions.dismiss(notice.key);
}

/**
 * Does something whose failure is told in a notice.
 * @param {() => any} action
 */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    tell(error);
    return undefined;
  }
}

/** @param {number} serverId */
export function showServer(serverId) {
  attempt(() => actions.openServer(serverId));
}

/**
 * @param {number} channelId
 * @param {number} [messageId]
 */
export function showChannel(channelId, messageId) {
  batch(() => {
    isNavigationOpen.value = false;
    editing.value = null;
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
  const wanted = { channelId, messageId };
  target.value = wanted;
  attempt(() => actions.jumpTo(channelId, messageId)).finally(() => setTimeout(() => {
    if (target.peek() === wanted) target.value = null;
  }, 1000));
}

/** @param {{channel_id: number, id: number}} message of the server that is open */
export async function copyLink({ channel_id, id }) {
  const { server_id } = place.value;
  const isDone = await copyText(linkTo({ server_id, channel_id, message_id: id }, document.baseURI));
  if (isDone) tellWord('message.link_copied');
  else tell({ word: 'message.link_not_copied' });
}

/**
 * A link into this page leads there without another tab, unless it is wanted in one.
 * @param {MouseEvent} event
 */
export function followLink(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.currentTarget instanceof HTMLAnchorElement)) return;
  const { server_id, channel_id, message_id } = placeOfLink(event.currentTarget.href, document.baseURI);
  if (channel_id === undefined || !servers.value.has(server_id ?? -1)) return;
  event.preventDefault();
  if (message_id === undefined) showChannel(channel_id);
  else showMessage(channel_id, message_id);
}
