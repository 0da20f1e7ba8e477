// @ts-check
// What one has written and the node does not have yet: what was sent and is not acknowledged, drafts and edits. Each
// send keeps its nonce until its answer, however often the socket breaks, so it is made once. Of a channel one send is
// on its way at a time: so they stay in their order where one is refused for a moment. Every tab keeps the same list,
// since it hears the same frames; only the one with the gateway transmits.
import { batch, signal } from '../vendor/signals.js';
import { erase, keepSoon, write } from './disk.js';
import { hear, tell } from './session.js';
import { drafts, edits, notify, pending, put as putInto, replies } from './store.js';

/** @typedef {import('./store.js').Pending} Pending */
/** @typedef {import('./reducer.js').Frame} Frame */
/**
 * @typedef {{transmit: (frame: Frame) => boolean, save: (item: Pending) => unknown, drop: (nonce: string) => unknown,
 *   changed: (pending: Map<number, Pending[]>) => void, setTimer: (run: () => void, ms: number) => any,
 *   clearTimer: (timer: any) => void}} Means
 *
 * `items` are by nonce, in the order of `order`; `busy` is what is on its way, or waits to go again, by channel.
 * @typedef {Means & {items: Map<string, Pending>, busy: Map<number, {nonce: string, timer: any}>, isOpen: boolean
 *   }} Outbox
 */

export const PENDING_MAX = 200;
const ON_THE_WAY_MAX = 32;
/** After so long without any answer a send is made again, in case its answer was lost. */
const ANSWER_MAX_MS = 30_000;
/** With this a send fails whose original is gone. */
export const REPLY_GONE = 'reply_to_not_found';
/** The socket closes behind these, and the send goes out with the next token. */
const OF_THE_LOGIN = new Set(['invalid_token', 'token_revoked']);

/** A nonce, also where the page is not in a secure context and has no `randomUUID`. */
export function makeNonce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {Omit<Means, 'setTimer'|'clearTimer'> & Partial<Means>} means */
export function createOutbox({ setTimer = setTimeout, clearTimer = clearTimeout, ...means }) {
  /** @type {Outbox} */
  const outbox = { ...means, setTimer, clearTimer, items: new Map(), busy: new Map(), isOpen: false };
  const nextOrder = () => Math.max(Date.now(), ...[...outbox.items.values()].map(({ order }) => order + 1));
  return {
    /** @param {Pending} item @returns {boolean} false where too many of its channel wait */
    add(item) {
      if (!outbox.items.has(item.nonce) && ofChannel(outbox, item.channel_id).length >= PENDING_MAX) return false;
      put(outbox, [item]);
      return true;
    },

    /** What the disk kept, or what the tab with the gateway has. @param {Pending[]} kept */
    load: (kept) => put(outbox, kept.filter(({ nonce }) => !outbox.items.has(nonce))),

    /** The place of the next send. */
    nextOrder,

    /** The gateway has said `ready`: all that is kept goes out once more, in its order. */
    opened() {
      outbox.isOpen = true;
      pump(outbox);
    },

    closed() {
      close(outbox);
      for (const item of outbox.items.values()) if (item.delay_ms !== undefined) undelay(outbox, item);
      tellChange(outbox);
    },

    acknowledge: (/** @type {string} */ nonce) => remove(outbox, nonce),

    /** @param {string} nonce @param {boolean} [isKept] whether the disk keeps it, for another tab sees to that */
    discard: (nonce, isKept) => remove(outbox, nonce, isKept),

    /** `message.delayed` and errors. @param {Frame} frame */
    take(frame) {
      const item = frame.nonce && outbox.items.get(frame.nonce);
      if (!item || item.state !== 'sending') return;
      if (frame.type === 'error') refuse(outbox, item, frame);
      else if (frame.type === 'message.delayed') delay(outbox, item, frame.delay_ms);
    },

    /**
     * The failed send as it would go again: at the end, with a new nonce where the old one names another message, and
     * as no reply where what it replied to is gone.
     * @param {string} nonce
     */
    again(nonce) {
      const item = outbox.items.get(nonce);
      return item?.state === 'failed' ? sendable(item, nextOrder()) : null;
    },

    /** @param {number} channel_id @returns {string[]} what was not sent and is gone */
    forget(channel_id) {
      const lost = ofChannel(outbox, channel_id);
      for (const { nonce } of lost) remove(outbox, nonce);
      return lost.map(({ content }) => content);
    },

    all: () => [...outbox.items.values()],

    clear() {
      close(outbox);
      outbox.items.clear();
      tellChange(outbox);
    },
  };
}

/** @param {Outbox} outbox @param {number} channel_id */
const ofChannel = ({ items }, channel_id) => [...items.values()].filter((item) => item.channel_id === channel_id);

/** @param {Outbox} outbox */
function tellChange({ items, changed }) {
  /** @type {Map<number, Pending[]>} */
  const next = new Map();
  for (const item of items.values()) next.set(item.channel_id, [...(next.get(item.channel_id) ?? []), item]);
  changed(next);
}

/** @param {Outbox} outbox @param {Pending[]} added */
function put(outbox, added) {
  for (const item of added) outbox.items.set(item.nonce, item);
  outbox.items = new Map([...outbox.items].sort(([, a], [, b]) => a.order - b.order));
  tellChange(outbox);
  pump(outbox);
}

/** @param {Outbox} outbox @param {Pending} item in place of the one with the same nonce */
function replace(outbox, item) {
  outbox.items.set(item.nonce, item);
  tellChange(outbox);
}

/** @param {Outbox} outbox @param {string} nonce @param {boolean} [isKept] */
function remove(outbox, nonce, isKept = false) {
  const item = outbox.items.get(nonce);
  if (!item) return;
  outbox.items.delete(nonce);
  if (!isKept) outbox.drop(nonce);
  freeOf(outbox, item);
  tellChange(outbox);
  pump(outbox);
}

// What is on its way.

/** @param {Outbox} outbox */
function pump(outbox) {
  const { items, busy, isOpen, transmit } = outbox;
  if (!isOpen) return;
  for (const item of items.values()) {
    if (busy.size >= ON_THE_WAY_MAX) return;
    if (item.state !== 'sending' || busy.has(item.channel_id)) continue;
    const { channel_id, content, nonce, reply_to } = item;
    const frame = { type: 'message.send', channel_id, content, nonce, ...(reply_to !== undefined && { reply_to }) };
    if (!transmit(frame)) return;
    hold(outbox, item, ANSWER_MAX_MS);
  }
}

/**
 * Holds the channel's next sends until the time has passed.
 * @param {Outbox} outbox @param {Pending} item @param {number} ms
 */
function hold(outbox, { channel_id, nonce }, ms) {
  const { busy, setTimer } = outbox;
  free(outbox, channel_id);
  const end = () => {
    free(outbox, channel_id);
    pump(outbox);
  };
  busy.set(channel_id, { nonce, timer: setTimer(end, ms) });
}

/** @param {Outbox} outbox @param {number} channel_id */
function free({ busy, clearTimer }, channel_id) {
  clearTimer(busy.get(channel_id)?.timer);
  busy.delete(channel_id);
}

/** Where it is this send that the channel waits for. @param {Outbox} outbox @param {Pending} item */
function freeOf(outbox, { channel_id, nonce }) {
  if (outbox.busy.get(channel_id)?.nonce === nonce) free(outbox, channel_id);
}

/** @param {Outbox} outbox */
function close(outbox) {
  outbox.isOpen = false;
  for (const channel_id of [...outbox.busy.keys()]) free(outbox, channel_id);
}

/** @param {Outbox} outbox @param {Pending} item @param {Frame} frame */
function refuse(outbox, item, frame) {
  if (OF_THE_LOGIN.has(frame.code)) return;
  const { delay_ms, ...rest } = item;
  if (frame.retry_after_ms !== undefined) {
    hold(outbox, item, frame.retry_after_ms);
    if (delay_ms !== undefined) replace(outbox, rest);
    return;
  }
  const failed = { ...rest, state: /** @type {const} */ ('failed'), code: frame.code, detail: frame.detail };
  outbox.save(failed);
  freeOf(outbox, item);
  replace(outbox, failed);
  pump(outbox);
}

/** @param {Pending} failed @param {number} order @returns {Pending} */
function sendable({ code, detail, reply_to, ...item }, order) {
  const nonce = code === 'nonce_conflict' ? makeNonce() : item.nonce;
  const isReply = reply_to !== undefined && code !== REPLY_GONE;
  return { ...item, ...(isReply && { reply_to }), state: 'sending', order, nonce };
}

/** @param {Outbox} outbox @param {Pending} item @param {number} delay_ms */
function delay(outbox, item, delay_ms) {
  if (outbox.busy.get(item.channel_id)?.nonce === item.nonce) hold(outbox, item, delay_ms + ANSWER_MAX_MS);
  replace(outbox, { ...item, delay_ms });
}

/** @param {Outbox} outbox @param {Pending} item */
function undelay({ items }, { delay_ms, ...item }) {
  items.set(item.nonce, item);
}

// One's own sends: each goes into the list that all tabs keep, onto the disk, and out by the tab that has the gateway.

/** @type {(frame: Frame) => boolean} */
let transmit = () => false;
/** By the gateway of this tab, if it has one. @param {typeof transmit} next */
export const transmitBy = (next) => void (transmit = next);

export const outbox = createOutbox({
  transmit: (frame) => transmit(frame),
  save: (item) => write('outbox', item.nonce, item),
  drop: (nonce) => erase('outbox', nonce),
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
  const kept = write('outbox', item.nonce, item);
  if (!outbox.add(item)) {
    void erase('outbox', item.nonce);
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

// Drafts, edits, and what a draft replies to: the same in all tabs, and on the disk.

const DRAFT_MAX = 16_000;
const WRITTEN_MAX = 200;
const WRITTEN = { drafts, edits, replies };

/** What came back into a draft, for the message box to take it in, by channel. */
export const returned = signal(/** @type {Map<number, string>} */ (new Map()));

/** @param {keyof typeof WRITTEN} name @param {number} id @param {any} value `undefined` forgets it */
function keepWritten(name, id, value) {
  const map = /** @type {import('./store.js').Signal<Map<number, any>>} */ (WRITTEN[name]);
  if (value === undefined && !map.peek().has(id)) return;
  const next = new Map(map.peek());
  next.delete(id);
  if (value !== undefined) next.set(id, value);
  for (const oldest of next.keys()) if (next.size > WRITTEN_MAX) next.delete(oldest);
  map.value = next;
  keepSoon(name);
  tell({ kind: 'written', name, id, value });
}

export function hearWritten() {
  hear('written', ({ name, id, value }) => putInto(WRITTEN[/** @type {keyof typeof WRITTEN} */ (name)], id, value));
}

/** @param {number} channel_id @param {string} text */
export function setDraft(channel_id, text) {
  if ((drafts.peek().get(channel_id) ?? '') === text) return;
  keepWritten('drafts', channel_id, text.slice(0, DRAFT_MAX) || undefined);
}

/** @param {import('./store.js').Message} message @param {string} text as it was: there is nothing to keep */
export function setEdit({ id, channel_id, content }, text) {
  keepWritten('edits', id, text === content ? undefined : { channel_id, text: text.slice(0, DRAFT_MAX) });
}

/** @param {number} channel_id @param {import('./store.js').Original|null} message null: no reply any more */
export function setReply(channel_id, message) {
  const { id = 0, author_id = null, author_username = '', content = '' } = message ?? {};
  keepWritten('replies', channel_id, message ? { id, author_id, author_username, content } : undefined);
}

/** Puts a text below what is there already. @param {string} before @param {string} text */
export const below = (before, text) => (before.trim() ? `${before.trimEnd()}\n${text}` : text);

/**
 * Messages are deleted: the new text of one that was being edited becomes a draft, and nothing replies to them.
 * @param {number} channel_id @param {number[]} ids
 */
export function keepOfDeleted(channel_id, ids) {
  batch(() => {
    for (const id of ids) {
      const text = edits.peek().get(id)?.text;
      keepWritten('edits', id, undefined);
      if (!text?.trim()) continue;
      setDraft(channel_id, below(drafts.peek().get(channel_id) ?? '', text));
      putInto(returned, channel_id, below(returned.peek().get(channel_id) ?? '', text));
      notify({ kind: 'info', word: 'notice.edited_gone' });
    }
    if (!ids.includes(replies.peek().get(channel_id)?.id ?? 0)) return;
    setReply(channel_id, null);
    notify({ kind: 'info', word: 'notice.replied_gone' });
  });
}

/** How much a logout would take away. */
export const countUnsent = () => ({
  drafts: [...drafts.peek().values()].filter((text) => text.trim()).length,
  edits: edits.peek().size,
  unsent: outbox.all().length,
});

/**
 * A channel is gone: forgets what was written in it.
 * @param {number} channel_id @returns {string[]} what was not sent, nor saved
 */
export function forgetWritten(channel_id) {
  const edited = [...edits.peek()].filter(([, edit]) => edit.channel_id === channel_id);
  const draft = drafts.peek().get(channel_id) ?? '';
  const lost = [...outbox.forget(channel_id), ...edited.map(([, { text }]) => text), draft];
  for (const [id] of edited) keepWritten('edits', id, undefined);
  keepWritten('drafts', channel_id, undefined);
  keepWritten('replies', channel_id, undefined);
  return lost.filter((text) => text.trim());
}
