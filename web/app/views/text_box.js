// @ts-check
// A text field of several lines that belongs to who types: while a syllable is composed nothing writes to it.
import { useLayoutEffect, useRef } from '../../vendor/hooks.js';
import { html } from './kit.js';

const CAN_GROW = CSS.supports('field-sizing', 'content');
/** Korean syllables are complete as typed, so Enter means "send"; of Japanese and Chinese it picks a candidate. */
const HANGUL = /^[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\s]+$/;

/** @param {HTMLTextAreaElement} box */
export function grow(box) {
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

  return {
    onCompositionStart() {
      isComposing = true;
      isWished = false;
    },
    /** @param {CompositionEvent} event */
    onCompositionEnd(event) {
      const box = /** @type {T} */ (event.currentTarget);
      isComposing = false;
      composed = event.data;
      if (!isWished) return;
      // The text is final only after the events of this key.
      setTimeout(() => {
        if (isWished && !isComposing && HANGUL.test(composed)) submit(box);
        isWished = false;
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
 * @param {{text: string, onSubmit: (box: HTMLTextAreaElement) => void, onInput?: (box: HTMLTextAreaElement) => void,
 *   onKey?: (event: KeyboardEvent) => void, box: {current: HTMLTextAreaElement | null}, [rest: string]: any}} props
 *   `text` is what it holds at first; it is never written again from here
 */
export function TextBox({ text, onSubmit, onInput, onKey, box, ...rest }) {
  const latest = useRef(onSubmit);
  latest.current = onSubmit;
  const enter = useRef(/** @type {any} */ (null));
  enter.current ??= makeEnter((/** @type {HTMLTextAreaElement} */ element) => latest.current(element));
  const { onCompositionStart, onCompositionEnd, onBeforeInput, onKeyDown } = enter.current;

  useLayoutEffect(() => {
    const element = /** @type {HTMLTextAreaElement} */ (box.current);
    element.value = text;
    grow(element);
  }, []);

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
