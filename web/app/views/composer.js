// @ts-check
// Where a message is written or changed: a text field of several lines that belongs to who types. Its text is the
// field's own, the draft only follows it, and while a syllable is composed nothing writes to it.
import { useEffect, useLayoutEffect, useRef, useState } from '../../vendor/hooks.js';
import { effect } from '../../vendor/signals.js';
import { below, edit, jumpToNewest, keepOfDeleted, returned, say, setDraft, setEdit, setReply } from '../actions.js';
import { drafts, edits, leftMsIn, logOf, mayIn, me, put, replies, t, wordsOfError } from '../store.js';
import { lineOf } from '../text/markdown.js';
import { Icon, IconButton, classes, html, lengthOf, momentOf, nameOf, numberOf } from './kit.js';
import { attempt, behindDialog, dialog, editing, focusComposer, openDialog, setEditing, target } from './navigation.js';

/** The most characters of a message; from there on how many are left is shown. */
const CONTENT_MAX = 4000;
const COUNTED_FROM = 3600;
/** So much of a channel's name says which one it is. */
const NAME_SHOWN_MAX = 30;
const CAN_GROW = CSS.supports('field-sizing', 'content');
/** Korean syllables are complete as typed, so Enter means "send"; of Japanese and Chinese it picks a candidate. */
const HANGUL = /^[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\s]+$/;

/** @param {HTMLTextAreaElement} box */
function grow(box) {
  if (CAN_GROW) return;
  box.style.height = 'auto';
  box.style.height = `${box.scrollHeight}px`;
}

/**
 * Puts text where the cursor is, as if it was typed.
 * @param {HTMLTextAreaElement} box
 * @param {string} text
 */
export function insertText(box, text) {
  box.setRangeText(text, box.selectionStart, box.selectionEnd, 'end');
  box.dispatchEvent(new Event('input', { bubbles: true }));
}

/**
 * When Enter is meant to send. On an Enter in the middle of a syllable the wish is remembered, and fulfilled once the
 * syllable is there; browsers differ in whether a second keydown follows, and in which order.
 * @template {HTMLTextAreaElement | HTMLInputElement} T
 * @param {(box: T) => void} submit
 */
export function makeEnter(submit) {
  let isComposing = false;
  let isWished = false;
  let composed = '';
  /** @type {(() => void) | null} */
  let waiting = null;

  return {
    /** Does something once no syllable is being composed. @param {() => void} action */
    whenComposed(action) {
      if (isComposing) waiting = action;
      else action();
    },
    onCompositionStart() {
      isComposing = true;
      isWished = false;
    },
    /** @param {CompositionEvent} event */
    onCompositionEnd(event) {
      const box = /** @type {T} */ (event.currentTarget);
      isComposing = false;
      composed = event.data;
      if (!isWished && !waiting) return;
      // The text is final only after the events of this key.
      setTimeout(() => {
        if (isWished && !isComposing && HANGUL.test(composed)) submit(box);
        isWished = false;
        if (isComposing) return;
        waiting?.();
        waiting = null;
      });
    },
    /** @param {KeyboardEvent} event @returns {boolean} whether it was an Enter, and is dealt with */
    onKeyDown(event) {
      const box = /** @type {T} */ (event.currentTarget);
      if (event.key !== 'Enter' && event.code !== 'Enter' && event.code !== 'NumpadEnter') {
        isWished = false;
        return false;
      }
      if (event.shiftKey) return true;
      if (event.isComposing || isComposing) {
        isWished = true;
        return true;
      }
      event.preventDefault();
      // Safari ends the composition before the key: what it composed says what the key was for.
      if (event.keyCode === 229 && !HANGUL.test(composed)) return true;
      isWished = false;
      submit(box);
      return true;
    },
    /** A line break that a browser makes of the key that ended a syllable. @param {InputEvent} event */
    onBeforeInput(event) {
      if (isWished && /^insert(LineBreak|Paragraph)$/.test(event.inputType)) event.preventDefault();
    },
  };
}

/**
 * Takes in what comes back into a channel's draft, below what is in the box.
 * @param {{current: HTMLTextAreaElement | null}} box
 * @param {number | undefined} channelId
 * @param {(action: () => void) => void} whenComposed
 */
function useReturned(box, channelId, whenComposed) {
  useLayoutEffect(() => {
    if (channelId === undefined) return undefined;
    // What came back before is a part of the draft that it begins with.
    put(returned, channelId, undefined);
    return effect(() => {
      if (!returned.value.has(channelId)) return;
      whenComposed(() => {
        const text = returned.peek().get(channelId);
        if (!box.current || text === undefined) return;
        put(returned, channelId, undefined);
        box.current.value = below(box.current.value, text);
        box.current.dispatchEvent(new Event('input', { bubbles: true }));
      });
    });
  }, []);
}

/**
 * @param {{text: string, channelId?: number, onSubmit: (box: HTMLTextAreaElement) => void,
 *   onInput?: (box: HTMLTextAreaElement) => void, onKey?: (event: KeyboardEvent) => void,
 *   box: {current: HTMLTextAreaElement | null}, [rest: string]: any}} props
 *   `text` is what it holds at first; from here only what comes back into the draft of `channelId` is written to it
 */
function TextBox({ text, channelId, onSubmit, onInput, onKey, box, ...rest }) {
  const latest = useRef(onSubmit);
  latest.current = onSubmit;
  const enter = useRef(/** @type {any} */ (null));
  enter.current ??= makeEnter((/** @type {HTMLTextAreaElement} */ element) => latest.current(element));
  const { onCompositionStart, onCompositionEnd, onBeforeInput, onKeyDown, whenComposed } = enter.current;

  useLayoutEffect(() => {
    const element = /** @type {HTMLTextAreaElement} */ (box.current);
    element.value = text;
    grow(element);
  }, []);
  useReturned(box, channelId, whenComposed);

  return html`<textarea ref=${box} rows="1" dir="auto" ...${rest}
    onCompositionStart=${onCompositionStart} onCompositionEnd=${onCompositionEnd} onBeforeInput=${onBeforeInput}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (!onKeyDown(event) && !event.isComposing && event.keyCode !== 229) onKey?.(event);
    }}
    onInput=${(/** @type {any} */ event) => {
      grow(event.currentTarget);
      onInput?.(event.currentTarget);
    }}></textarea>`;
}

/** The message as it is sent: without the empty lines around it. @param {string} text */
function trimmed(text) {
  return text.replace(/^(?:[^\S\n]*\n)+/, '').trimEnd();
}

/** How many characters are left, near the end. @param {{text: string}} props */
function Counter({ text }) {
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
  if (last) setEditing(channelId, last.id);
}

/** Who comes into a channel goes on with what was being edited there, or writes. @param {{current: any}} box */
function useFirstFocus(box) {
  useEffect(() => {
    if (matchMedia('(pointer: coarse)').matches || dialog.peek()) return;
    (document.querySelector('[data-test=editor]') ?? box.current)?.focus();
  }, []);
}

/** @param {string} name */
function shortName(name) {
  const letters = [...name];
  return letters.length > NAME_SHOWN_MAX ? `${letters.slice(0, NAME_SHOWN_MAX).join('')}…` : name;
}

/**
 * Who may not write is told so; what they were writing waits.
 * @param {{channel: import('../store.js').Channel}} props
 */
export function Composer({ channel }) {
  if (mayIn(channel.server_id, 'send_messages')) return html`<${OpenComposer} channel=${channel} />`;
  const isDraft = drafts.value.has(channel.id);
  const left_ms = leftMsIn(channel.server_id);
  const why = left_ms ? t('composer.timeout', { time: momentOf(Date.now() + left_ms) }) : t('composer.closed');
  return html`<div class="composer is-closed" data-test="composer-closed"><${Icon} name="lock" />
    <p>${why} ${isDraft && t('composer.closed_draft')}</p></div>`;
}

/** @param {{channel: import('../store.js').Channel}} props */
function OpenComposer({ channel }) {
  const channelId = channel.id;
  const box = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const first = useRef(drafts.peek().get(channelId) ?? '');
  const [text, setText] = useState(first.current);

  useFirstFocus(box);

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
    onPick: (/** @type {string} */ glyph) => behindDialog(() => {
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
      <${TextBox} text=${first.current} channelId=${channelId} box=${box} onSubmit=${submit} onInput=${follow}
        onKey=${onKey} data-test="composer"
        aria-label=${t('composer.label', { name: channel.name })}
          placeholder=${t('composer.label', { name: shortName(channel.name) })}
        enterkeyhint="send" autocomplete="off" />
      <${IconButton} icon="smile" label=${t('composer.emoji')} onClick=${pickEmoji} />
      <${IconButton} icon="send" class="send" label=${t('composer.send')} data-test="send"
        aria-disabled=${isSendable ? undefined : 'true'} onClick=${() => attempt(send)} />
    </div>
    <${Counter} text=${text} />
  </div>`;
}

/** Where the focus is of somebody who is writing. */
const isWriting = () => document.activeElement instanceof HTMLTextAreaElement && document.activeElement.value !== '';

/** @param {{current: HTMLTextAreaElement | null}} box @param {number} id of the message */
function useEditorFocus(box, id) {
  useLayoutEffect(() => {
    const element = /** @type {HTMLTextAreaElement} */ (box.current);
    // It may be back because its message is: who writes elsewhere goes on there.
    if (!isWriting()) {
      element.focus();
      element.setSelectionRange(element.value.length, element.value.length);
    }
    return () => {
      // Its message goes while somebody types: the next keys are no wishes about other messages.
      if (document.activeElement === element && editing.peek() === id) focusComposer();
    };
  }, []);
}

/** @param {{message: import('../store.js').Message}} props */
export function Editor({ message }) {
  const { id, channel_id, content: saved } = message;
  const box = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const first = useRef(edits.peek().get(id)?.text ?? saved);
  const [text, setText] = useState(first.current);
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [isBusy, setBusy] = useState(false);

  useEditorFocus(box, id);

  /** @param {HTMLTextAreaElement} element */
  function follow(element) {
    setText(element.value);
    setEdit(message, element.value);
  }

  function close() {
    setEdit(message, saved);
    setEditing(channel_id, null);
    focusComposer();
  }

  /** @param {HTMLTextAreaElement} element */
  async function submit(element) {
    const content = trimmed(element.value);
    if (isBusy || lengthOf(content) > CONTENT_MAX) return;
    if (!content.trim()) return openDialog('delete_message', { message });
    if (content === saved) return close();
    setBusy(true);
    setProblem(null);
    try {
      await edit(channel_id, id, content);
      // What was typed meanwhile is not saved.
      if (trimmed(element.value) === content) return close();
    } catch (error) {
      if (/** @type {any} */ (error).code === 'message_not_found') keepOfDeleted(channel_id, [id]);
      setProblem(wordsOfError(error));
    }
    setBusy(false);
    return undefined;
  }
  return html`<div class="editor">
    <${TextBox} text=${first.current} box=${box} onSubmit=${submit} onInput=${follow} aria-label=${t('message.edit')}
      data-test="editor" onKey=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }} />
    <${Counter} text=${text} />
    <div role="alert">${problem && html`<p class="problem">${problem}</p>`}</div>
    <div class="editor-foot">
      <button type="button" class="button is-small" onClick=${close}>${t('form.cancel')}</button>
      <button type="button" class="button is-small is-primary" data-test="save-edit"
        aria-disabled=${isBusy ? 'true' : undefined}
        onClick=${() => box.current && submit(box.current)}>${t('form.save')}</button>
      <span class="hint">${t('message.edit_hint')}</span>
    </div>
  </div>`;
}
