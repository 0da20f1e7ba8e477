// @ts-check
// A message as a row: who, when, what, the reactions, and what may be done with it. Of its text the parser makes a tree
// of nodes; nothing here ever takes text for markup.
import { useLayoutEffect, useMemo, useRef, useState } from '../../vendor/hooks.js';
import * as actions from '../actions.js';
import { linkTo, me, people, place, t, wordsOfError } from '../store.js';
import { lineOf, parse } from '../text/markdown.js';
import { isOnlyEmoji } from '../text/spans.js';
import { Editor, insertText } from './composer.js';
import {
  Avatar, Icon, IconButton, Time, classes, colored, copyText, html, momentOf, nameOf, numberOf, personName,
} from './kit.js';
import {
  activeRow, attempt, editing, focusComposer, followLink, openDialog, setEditing, showMessage, tell, tellWord,
} from './navigation.js';

/** @typedef {import('../store.js').Message} Message */
/**
 * `rights`: what one may do there.
 * @typedef {{channelId: number, serverId: number, rights: import('../roles.js').Permissions}} Where
 */

// The text.

const BIG_MAX = 60;
const TAGS = /** @type {Record<string, string>} */ ({
  bold: 'strong',
  italic: 'em',
  underline: 'u',
  strike: 's',
  quote: 'blockquote',
  item: 'li',
});

/** @param {{children?: any}} props */
function Spoiler({ children }) {
  const [isShown, setShown] = useState(false);
  if (isShown) return html`<span class="spoiler is-shown">${children}</span>`;
  return html`<button type="button" class="spoiler" aria-label=${t('message.spoiler')} title=${t('message.spoiler')}
    onClick=${() => setShown(true)}>
    <span aria-hidden="true">${children}</span>
  </button>`;
}

/** @param {{id: number, text: string}} props */
function Mention({ id, text }) {
  const person = people.value.get(id) ?? (me.value?.id === id ? me.value : null);
  if (!person) return html`<span class="mention">${text}</span>`;
  return html`<button type="button" class="mention" tabIndex=${-1} onClick=${(/** @type {any} */ event) =>
    openDialog('person', { userId: id, anchor: event.currentTarget.getBoundingClientRect() })}>@${personName(person)}
      </button>`;
}

/** @param {any} node @param {number} key @returns {any} */
function element(node, key) {
  if (typeof node === 'string') return node;
  const inside = node.children ? node.children.map(element) : node.text ?? '';
  switch (node.type) {
    case 'bold':
    case 'italic':
    case 'underline':
    case 'strike':
    case 'quote':
    case 'item':
      return html`<${TAGS[node.type]} key=${key}>${inside}<//>`;
    case 'list':
      return node.ordered ? html`<ol key=${key} start=${node.children[0]?.number}>${inside}</ol>` : html`<ul
        key=${key}>${inside}</ul>`;
    case 'heading':
      return html`<p key=${key} class="text-heading"><strong>${inside}</strong></p>`;
    case 'spoiler':
      return html`<${Spoiler} key=${key}>${inside}<//>`;
    case 'code':
      return html`<code key=${key}>${inside}</code>`;
    case 'fence':
      return html`<pre key=${key} tabIndex=${0}><code>${inside}</code></pre>`;
    case 'link':
      return html`<a key=${key} href=${node.href} target="_blank" rel="noopener noreferrer nofollow"
        title=${node.href} onClick=${followLink}>${inside}</a>`;
    case 'mention':
      return html`<${Mention} key=${key} id=${node.user_id} text=${node.text} />`;
    case 'break':
      return html`<br key=${key} />`;
    case 'emoji':
      return html`<span key=${key} class="emoji-glyph">${inside}</span>`;
    default:
      return inside;
  }
}

/** @param {{text: string}} props */
export function Content({ text }) {
  const nodes = useMemo(() => parse(text), [text]);
  const isBig = text.length <= BIG_MAX && isOnlyEmoji(text);
  return html`<div class=${classes('text', isBig && 'is-big')} data-test="text">${nodes.map(element)}</div>`;
}

// What may be done with it.

/** @param {Message} message @param {string} emoji */
function toggle(message, emoji) {
  const isMine = message.reactions?.some((reaction) => reaction.emoji === emoji && reaction.me);
  const change = isMine ? actions.unreact : actions.react;
  return attempt(() => change(message.channel_id, message.id, emoji));
}

/** @param {Message} message @param {Element} button */
function pickReaction(message, button) {
  const onPick = (/** @type {string} */ emoji) => toggle(message, emoji);
  openDialog('emoji', { anchor: button.getBoundingClientRect(), onPick });
}

/** @param {Message} message @param {boolean} isAtOnce */
function askToDelete(message, isAtOnce) {
  if (isAtOnce) attempt(() => actions.remove(message));
  else openDialog('delete_message', { message });
}

/** @param {Message} message */
function replyTo(message) {
  actions.setReply(message.channel_id, message);
  focusComposer();
}

/** @param {Message} message */
function togglePin(message) {
  attempt(() => (message.pinned ? actions.unpin : actions.pin)(message.channel_id, message.id));
}

/** Puts the focus back on the row when what was in it is gone. @param {number} id */
function focusRow(id) {
  const row = document.querySelector(`[data-test=message][data-id="${id}"]`);
  if (row instanceof HTMLElement && document.activeElement === document.body) row.focus({ preventScroll: true });
}

/** @param {Message} message of the server that is open */
async function copyLink({ channel_id, id }) {
  const { server_id } = place.value;
  const isDone = await copyText(linkTo({ server_id, channel_id, message_id: id }, document.baseURI));
  if (isDone) tellWord('message.link_copied');
  else tell({ word: 'message.link_not_copied' });
}

/**
 * What may be done with a message, for its toolbar and its keys.
 * @param {Message} message
 * @param {Where} where
 */
function rightsOf(message, { rights }) {
  const isMine = message.author_id !== null && message.author_id === me.value?.id;
  return {
    canReply: rights.has('send_messages'),
    canReact: rights.has('add_reactions'),
    canEdit: isMine && rights.has('send_messages'),
    canDelete: isMine || rights.has('manage_messages'),
    canPin: rights.has('pin_messages'),
  };
}

/** @param {{message: Message, where: Where, isActive: boolean}} props */
function Tools({ message, where, isActive }) {
  const { canReply, canReact, canEdit, canDelete, canPin } = rightsOf(message, where);
  const tabIndex = isActive ? 0 : -1;
  /** @type {(icon: string, word: string, run: (event: any) => void, test: string) => any} */
  const button = (icon, word, run, test) =>
    html`<${IconButton} icon=${icon} label=${t(word)} tabIndex=${tabIndex} data-test=${test} onClick=${run} />`;
  return html`<div class="tools" role="group" aria-label=${t('message.tools')}>
    ${canReact && button('smile', 'message.react', (event) => pickReaction(message, event.currentTarget), 'react')}
    ${canReply && button('reply', 'message.reply', () => replyTo(message), 'reply')}
    ${button('link', 'message.copy_link', () => copyLink(message), 'copy-link')}
    ${canEdit && button('edit', 'message.edit', () => setEditing(where.channelId, message.id), 'edit')}
    ${canPin && button('pin', message.pinned ? 'message.unpin' : 'message.pin', () => togglePin(message), 'pin')}
    ${canDelete && button('delete', 'message.delete', (event) => askToDelete(message, event.shiftKey), 'delete')}
  </div>`;
}

/** @param {KeyboardEvent} event @param {Message} message @param {Where} where */
function onMessageKey(event, message, where) {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const { canReply, canReact, canEdit, canDelete, canPin } = rightsOf(message, where);
  const row = /** @type {Element} */ (event.currentTarget);
  const react = canReact && (() => pickReaction(message, row.querySelector('[data-test=react]') ?? row));
  const keys = /** @type {Record<string, false | (() => void)>} */ ({
    KeyR: canReply && (() => replyTo(message)),
    KeyL: () => copyLink(message),
    KeyE: canEdit && (() => setEditing(where.channelId, message.id)),
    KeyP: canPin && (() => togglePin(message)),
    Delete: canDelete && (() => askToDelete(message, event.shiftKey)),
    Equal: react,
    NumpadAdd: react,
  });
  const run = keys[event.key === '+' ? 'NumpadAdd' : event.code];
  if (!run) return;
  event.preventDefault();
  run();
}

/**
 * Who may not react takes their own back, and sees who has reacted.
 * @param {{message: Message, reaction: import('../store.js').ReactionCount, canReact: boolean,
 *   isActive: boolean}} props
 */
function Reaction({ message, reaction, canReact, isActive }) {
  const { emoji, count, me: isMine } = reaction;
  const [names, setNames] = useState('');
  const asked = useRef(-1);
  const ask = () => {
    if (asked.current === count) return;
    asked.current = count;
    actions.loadReactors(message.channel_id, message.id, emoji).then((list) => {
      const shown = list.slice(0, 10).map((person) => nameOf(person.user_id, person.username)).join(', ');
      setNames(count > 10 ? t('reaction.and_more', { names: shown, count: count - 10 }) : shown);
    }, () => {
      asked.current = -1;
    });
  };
  return html`<li><button type="button" class=${classes('reaction', isMine && 'is-mine')} data-test="reaction"
    data-emoji=${emoji} aria-pressed=${isMine ? 'true' : 'false'}
    aria-disabled=${canReact || isMine ? undefined : 'true'}
    tabIndex=${isActive ? 0 : -1} title=${names || emoji}
    onPointerEnter=${ask} onFocus=${ask} onClick=${() => (canReact || isMine) && toggle(message, emoji)}>
    <span class="emoji-glyph">${emoji}</span>${' '}<span>${numberOf(count)}</span><span
      class="hidden-text"> ${t('reaction.label', { count })}</span>
  </button></li>`;
}

/** @param {{message: Message, canReact: boolean, isActive: boolean}} props */
function Reactions({ message, canReact, isActive }) {
  if (!message.reactions?.length) return null;
  return html`<ul class="reactions" aria-label=${t('reaction.list')}>
    ${message.reactions.map((reaction) => html`<${Reaction} key=${reaction.emoji} message=${message}
      reaction=${reaction} canReact=${canReact} isActive=${isActive} />`)}
    ${canReact && html`<li><${IconButton} icon="smile" class="reaction-add" label=${t('message.react')}
      tabIndex=${isActive ? 0 : -1}
      onClick=${(/** @type {any} */ event) => pickReaction(message, event.currentTarget)} /></li>`}
  </ul>`;
}

// The row.

/** @param {{to: number, original: Message | null | undefined, channelId: number}} props `null`: it is gone */
function ReplyTo({ to, original, channelId }) {
  if (original === null) {
    return html`<div class="reply-to" data-test="reply-to"><${Icon} name="reply" />
      <span class="cut">${t('message.reply_to_gone')}</span></div>`;
  }
  const name = original ? nameOf(original.author_id, original.author_username) : '';
  return html`<button type="button" class="reply-to" tabIndex=${-1} data-test="reply-to"
    onClick=${() => showMessage(channelId, to)}>
    <${Icon} name="reply" />
    ${original ? html`<span class="hidden-text">${t('message.reply_to')} </span><strong class="cut">${name}</strong>
      <span class="cut">${lineOf(original.content)}</span>` : html`<span class="cut">${t('message.reply_to_earlier')}
      </span>`}
  </button>`;
}

/** Puts what was not sent back into the message box. @param {import('../store.js').Pending} pending */
function takeBack(pending) {
  const box = document.querySelector('[data-test=composer]');
  if (!(box instanceof HTMLTextAreaElement)) return;
  box.focus();
  insertText(box, pending.content);
  actions.discard(pending.nonce);
}

/** @param {{pending: import('../store.js').Pending, mayWrite: boolean}} props */
function PendingState({ pending, mayWrite }) {
  if (pending.state === 'failed') {
    const again = pending.code === actions.REPLY_GONE ? 'pending.without_reply' : 'again';
    return html`<div class="send-state is-failed">
      <span><${Icon} name="alert" />${t('pending.failed', { reason: wordsOfError(pending) })}</span>
      ${mayWrite && html`<button type="button" class="link" data-test="try-again"
          onClick=${() => actions.tryAgain(pending.nonce)}>${t(again)}</button>
        <button type="button" class="link" data-test="take-back" onClick=${() => takeBack(pending)}>
          ${t('message.edit')}</button>`}
      <button type="button" class="link" data-test="discard" onClick=${() => actions.discard(pending.nonce)}>
        ${t('pending.discard')}</button>
    </div>`;
  }
  if (pending.delay_ms) {
    return html`<div class="send-state">
      ${t('pending.delayed', { count: Math.ceil(pending.delay_ms / 1000) })}</div>`;
  }
  return null;
}

/** @param {{id: number | null, name: string, at: string, isFirst: boolean}} props */
function Gutter({ id, name, at, isFirst }) {
  return html`<div class="message-gutter">
    ${isFirst ? html`<${Avatar} id=${id} name=${name} />` : html`<${Time} at=${at} style="clock" />`}</div>`;
}

/** @param {{id: number | null | undefined, name: string, at: string, serverId: number}} props */
function Head({ id, name, at, serverId }) {
  return html`<div class="message-head"><strong class="author cut" title=${name}
    ...${colored(id, serverId)}>${name}</strong><${Time} at=${at} /></div>`;
}

/**
 * @param {{rowKey: string, message: Message, original?: Message | null, isFirst: boolean, isTarget: boolean,
 *   isActive: boolean, where: Where}} props
 */
export function MessageRow({ rowKey, message, original, isFirst, isTarget, isActive, where }) {
  const isEdited = editing.value === message.id;
  const name = nameOf(message.author_id, message.author_username);
  const wasEdited = useRef(false);
  useLayoutEffect(() => {
    if (wasEdited.current && !isEdited) focusRow(message.id);
    wasEdited.current = isEdited;
  }, [isEdited]);

  const isHead = isFirst || !!message.reply_to;
  const marks = classes(
    isHead && 'is-first',
    isTarget && 'is-target',
    message.pinned && 'is-pinned',
    isEdited && 'is-edited',
  );

  // It reads signals, so it is not made again while its props are as they were: there are hundreds. To keep its
  // elements would be to keep, by way of their parents, every row that there was.
  return html`<li class="message ${marks}"
    data-test="message" data-key=${rowKey} data-id=${message.id} data-seq=${message.seq} data-state="sent"
      tabIndex=${isActive ? 0 : -1}
    onFocus=${() => {
      activeRow.value = rowKey;
    }} onKeyDown=${(/** @type {KeyboardEvent} */ event) => onMessageKey(event, message, where)}>
    <${Gutter} id=${message.author_id} name=${name} at=${message.created_at} isFirst=${isHead} />
    <div class="message-main">
      ${message.reply_to && html`<${ReplyTo} to=${message.reply_to} original=${original}
        channelId=${where.channelId} />`}
      ${isHead && html`<${Head} id=${message.author_id} name=${name} at=${message.created_at}
        serverId=${where.serverId} />`}
      ${!isHead && html`<span class="hidden-text">${name}</span>`}
      ${message.pinned && html`<span class="pin-mark"><${Icon} name="pin" />${t('message.pinned')}</span>`}
      ${isEdited ? html`<${Editor} message=${message} />` : html`<div class="said"><${Content}
        text=${message.content} />${message.edited_at && html`${' '}<span class="edited"
        title=${momentOf(message.edited_at)}>${t('message.edited')}</span>`}</div>`}
      <${Reactions} message=${message} canReact=${where.rights.has('add_reactions')} isActive=${isActive} />
    </div>
    ${!isEdited && html`<${Tools} message=${message} where=${where} isActive=${isActive} />`}
  </li>`;
}

/**
 * A message that is on its way.
 * @param {{rowKey: string, pending: import('../store.js').Pending, at: number, original?: Message | null,
 *   isFirst: boolean, isActive: boolean, where: Where}} props
 */
export function PendingRow({ rowKey, pending, at: atMs, original, isFirst, isActive, where }) {
  const own = me.value;
  const name = nameOf(own?.id);
  const at = new Date(atMs).toISOString();
  const isHead = isFirst || !!pending.reply_to;
  return html`<li class=${classes('message', isHead && 'is-first', `is-${pending.state}`)} data-test="message"
    data-key=${rowKey} data-id="" data-seq="" data-nonce=${pending.nonce}
    data-state=${pending.state} tabIndex=${isActive ? 0 : -1} onFocus=${() => {
      activeRow.value = rowKey;
    }}>
    <${Gutter} id=${own?.id ?? null} name=${name} at=${at} isFirst=${isHead} />
    <div class="message-main">
      ${pending.reply_to && html`<${ReplyTo} to=${pending.reply_to} original=${original}
        channelId=${where.channelId} />`}
      ${isHead && html`<${Head} id=${own?.id} name=${name} at=${at} serverId=${where.serverId} />`}
      <div class="said"><${Content} text=${pending.content} /></div>
      <${PendingState} pending=${pending} mayWrite=${where.rights.has('send_messages')} />
    </div>
  </li>`;
}
