// @ts-check
// A dialog: it keeps the focus while it is open and gives it back; Escape and a click beside it close it.
import { useLayoutEffect, useRef } from '../../vendor/hooks.js';
import { t } from '../store.js';
import { IconButton, classes, html } from './kit.js';
import { afterDialog } from './navigation.js';

const MARGIN_PX = 8;

/**
 * Puts a small dialog beside what opened it, wholly within the window.
 * @param {HTMLElement} element
 * @param {DOMRect} anchor
 */
function placeBeside(element, anchor) {
  const { offsetWidth: width, offsetHeight: height } = element;
  const isBelow = anchor.bottom + height + MARGIN_PX <= innerHeight || anchor.top < innerHeight / 2;
  const top = isBelow ? anchor.bottom + 4 : anchor.top - height - 4;
  const left = anchor.left + width + MARGIN_PX <= innerWidth ? anchor.left : anchor.right - width;
  element.style.top = `${Math.max(MARGIN_PX, Math.min(top, innerHeight - height - MARGIN_PX))}px`;
  element.style.left = `${Math.max(MARGIN_PX, Math.min(left, innerWidth - width - MARGIN_PX))}px`;
}

/**
 * @param {{title: string, isTitleHidden?: boolean, class?: string, anchor?: DOMRect, onClose: () => void,
 *   children?: any}} props
 */
export function Modal({ title, isTitleHidden, class: extra, anchor, onClose, children }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const pressed = useRef(/** @type {EventTarget | null} */ (null));

  useLayoutEffect(() => {
    const open = /** @type {HTMLDialogElement} */ (element.current);
    const before = document.activeElement;
    open.showModal();
    if (anchor && innerWidth > 600) placeBeside(open, anchor);
    return () => {
      open.close();
      // What opened it may be gone, as a message is that was deleted.
      const back = before?.isConnected ? before : document.querySelector('[data-test=composer]');
      if (back instanceof HTMLElement) back.focus({ preventScroll: true });
      afterDialog();
    };
  }, []);

  const isBeside = (/** @type {any} */ event) => event.target === element.current;
  return html`<dialog
    ref=${element}
    class=${classes('dialog', anchor && 'is-beside', extra)}
    aria-label=${title}
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onClose();
    }}
    onPointerDown=${(/** @type {Event} */ event) => {
      pressed.current = event.target;
    }}
    onClick=${(/** @type {Event} */ event) => {
      if (isBeside(event) && pressed.current === element.current) onClose();
    }}
  >
    <div class="dialog-body">
      ${!isTitleHidden && html`<header class="dialog-head">
        <h2 title=${title}>${title}</h2>
        <${IconButton} icon="close" label=${t('dialog.close')} onClick=${onClose} />
      </header>`}
      ${children}
    </div>
  </dialog>`;
}
