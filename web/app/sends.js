// @ts-check
// One's own sends: each goes into the list that all tabs keep, onto the disk, and out by the tab that has the gateway.
import * as disk from './disk.js';
import { createOutbox, makeNonce } from './outbox.js';
import { pending } from './store.js';
import { tell } from './tabs.js';

/** @typedef {import('./reducer.js').Frame} Frame */
/** @typedef {import('./store.js').Pending} Pending */

/** @type {(frame: Frame) => boolean} */
let transmit = () => false;
/** By the gateway of this tab, if it has one. @param {typeof transmit} next */
export const transmitBy = (next) => void (transmit = next);

export const outbox = createOutbox({
  transmit: (frame) => transmit(frame),
  save: (item) => disk.write('outbox', item.nonce, item),
  drop: (nonce) => disk.erase('outbox', nonce),
  changed: (next) => void (pending.value = next),
});

/** @param {number} channel_id @param {string} content @param {number} [reply_to] @returns {boolean} */
export function send(channel_id, content, reply_to) {
  /** @type {Pending} */
  const item = {
    nonce: makeNonce(),
    channel_id,
    content,
    ...(reply_to !== undefined && { reply_to }),
    created_at_ms: Date.now(),
    order: outbox.nextOrder(),
    state: 'sending',
  };
  return addSend(item);
}

/** @param {Pending} item */
function addSend(item) {
  const kept = disk.write('outbox', item.nonce, item);
  if (!outbox.add(item)) {
    void disk.erase('outbox', item.nonce);
    return false;
  }
  // The holder may erase it from the disk, which must come behind its being there.
  void kept.then(() => tell({ kind: 'send', item }));
  return true;
}

/** @param {string} nonce */
export function sendAgain(nonce) {
  const item = outbox.again(nonce);
  if (!item) return;
  discardSend(nonce);
  addSend(item);
}

/** @param {string} nonce */
export function discardSend(nonce) {
  outbox.discard(nonce);
  tell({ kind: 'discard', nonce });
}

/** @param {Frame} frame */
export function hearSends(frame) {
  if (frame.type === 'error' || frame.type === 'message.delayed') outbox.take(frame);
}
