// @ts-check
// Where a message is written. The text is the field's own; the draft only follows it.
import { useEffect, useRef, useState } from '../../vendor/hooks.js';
import { jumpToNewest, say, setDraft } from '../actions.js';
import { drafts, logOf, me } from '../store.js';
import { t } from '../words.js';
import { lineOf } from './content.js';
import { Icon, IconButton, classes, html, lengthOf, nameOf, numberOf } from './kit.js';
import { attempt, dialog, editing, openDialog, replies, setReply, target } from './screen.js';
import { TextBox, grow, insertText } from './text_box.js';

/** The most characters of a message; from there on how many are left is shown. */
export const CONTENT_MAX = 4000;
const COUNTED_FROM = 3600;

/** The message as it is sent: without the empty lines around it. @param {string} text */
export function trimmed(text) {
  return text.replace(/^(?:[^\S\n]*\n)+/, '').trimEnd();
}

/** How many characters are left, near the end. @param {{text: string}} props */
export function Counter({ text }) {
  const left = CONTENT_MAX - lengthOf(text);
  const isShown = left <= CONTENT_MAX - COUNTED_FROM;
  return html`<div class=${classes('counter', left < 0 && 'is-over')} role="status">
    ${isShown && (left < 0 ? t('composer.over', { count: -left }) : html`<span
      title=${t('composer.left', { count: left })}>${numberOf(left)}</span>`)}
  </div>`;
}

/** @param {{channelId: number}} props */
function Reply({ channelId }) {
  const message = replies.value.get(channelId);
  if (!message) return null;
  return html`<div class="composer-reply">
    <${Icon} name="reply" />
    <span class="cut">${t('composer.replying', { name: nameOf(message.author_id, message.author_username) })} <span
      class="muted">${lineOf(message.content)}</span></span>
    <${IconButton} icon="close" label=${t('composer.no_reply')} onClick=${() => setReply(channelId, null)} />
  </div>`;
}

/** Begins to change the last message that I wrote here. @param {number} channelId */
function editLast(channelId) {
  const log = logOf(channelId).value;
  const shown = log.view?.messages ?? log.tail;
  const last = shown.findLast((message) => message.author_id === me.value?.id);
  if (!last) return;
  editing.value = last.id;
}

/** @param {{channel: import('../store.js').Channel}} props */
export function Composer({ channel }) {
  const channelId = channel.id;
  const box = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const first = useRef(drafts.peek().get(channelId) ?? '');
  const [text, setText] = useState(first.current);

  useEffect(() => {
    if (!matchMedia('(pointer: coarse)').matches && !dialog.peek()) box.current?.focus();
  }, []);

  /** @param {HTMLTextAreaElement} element */
  function follow(element) {
    setText(element.value);
    setDraft(channelId, element.value);
  }

  /** @param {HTMLTextAreaElement} element */
  function submit(element) {
    const content = trimmed(element.value);
    if (!content.trim() || lengthOf(content) > CONTENT_MAX) return;
    if (!say(channelId, content, replies.peek().get(channelId)?.id)) return;
    element.value = '';
    grow(element);
    follow(element);
    setReply(channelId, null);
    target.value = { channelId, isNewest: true, isOwn: true };
    if (logOf(channelId).peek().view?.has_newer) attempt(() => jumpToNewest(channelId));
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const element = /** @type {HTMLTextAreaElement} */ (event.currentTarget);
    const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (event.key === 'ArrowUp' && isPlain && !element.value) {
      event.preventDefault();
      editLast(channelId);
    } else if (event.key === 'Escape' && replies.peek().has(channelId)) {
      event.preventDefault();
      setReply(channelId, null);
    }
  }

  const pickEmoji = (/** @type {any} */ event) => openDialog('emoji', {
    anchor: event.currentTarget.getBoundingClientRect(),
    onPick: (/** @type {string} */ glyph) => setTimeout(() => {
      box.current?.focus();
      if (box.current) insertText(box.current, glyph);
    }),
  });
  const send = () => {
    if (box.current) submit(box.current);
    box.current?.focus();
  };
  const isSendable = text.trim() !== '' && lengthOf(text) <= CONTENT_MAX;
  return html`<div class="composer">
    <${Reply} channelId=${channelId} />
    <div class="composer-box">
      <${TextBox} text=${first.current} box=${box} onSubmit=${submit} onInput=${follow} onKey=${onKey}
        data-test="composer"
        aria-label=${t('composer.label', { name: channel.name })}
          placeholder=${t('composer.label', { name: channel.name })}
        enterkeyhint="send" autocomplete="off" />
      <${IconButton} icon="smile" label=${t('composer.emoji')} onClick=${pickEmoji} />
      <${IconButton} icon="send" class="send" label=${t('composer.send')} data-test="send"
        aria-disabled=${isSendable ? undefined : 'true'} onClick=${() => attempt(send)} />
    </div>
    <${Counter} text=${text} />
  </div>`;
}
