// @ts-check
// What was sent and is not acknowledged. Each send keeps its nonce until its answer, however often the socket breaks,
// so it is made once. Of a channel one send is on its way at a time: so they stay in their order where one is refused
// for a moment. Every tab keeps the same list, since it hears the same frames; only the one with the gateway
// transmits.

/** @typedef {import('./store.js').Pending} Pending */
/** @typedef {import('./reducer.js').Frame} Frame */
/**
 * @typedef {{transmit: (frame: Frame) => boolean, save: (item: Pending) => unknown, drop: (nonce: string) => unknown,
 *   changed: (pending: Map<number, Pending[]>) => void, setTimer?: (run: () => void, ms: number) => any,
 * clearTimer?: (timer: any) => void}} Means
 */

export const PENDING_MAX = 200;
const ON_THE_WAY_MAX = 32;
/** After so long without any answer a send is made again, in case its answer was lost. */
const ANSWER_MAX_MS = 30_000;
/** The socket closes behind these, and the send goes out with the next token. */
const OF_THE_LOGIN = new Set(['invalid_token', 'token_revoked']);

/** A nonce, also where the page is not in a secure context and has no `randomUUID`. */
export function makeNonce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {Means} means */
export function createOutbox({ transmit, save, drop, changed, setTimer = setTimeout, clearTimer = clearTimeout }) {
  /** @type {Map<string, Pending>} by nonce, in the order of `order` */
  let items = new Map();
  /** What is on its way, or waits to go again, by channel. @type {Map<number, {nonce: string, timer: any}>} */
  const busy = new Map();
  let isOpen = false;

  const tell = () => {
    /** @type {Map<number, Pending[]>} */
    const pending = new Map();
    for (const item of items.values()) pending.set(item.channel_id, [...(pending.get(item.channel_id) ?? []), item]);
    changed(pending);
  };
  const ofChannel = (/** @type {number} */ id) => [...items.values()].filter(({ channel_id }) => channel_id === id);
  const sort = () => {
    items = new Map([...items].sort(([, a], [, b]) => a.order - b.order));
  };
  const free = (/** @type {number} */ channel_id) => {
    clearTimer(busy.get(channel_id)?.timer);
    busy.delete(channel_id);
  };
  /** Holds the channel's next sends until the time has passed. @param {Pending} item @param {number} ms */
  const hold = ({ channel_id, nonce }, ms) => {
    free(channel_id);
    busy.set(channel_id, {
      nonce,
      timer: setTimer(() => {
        free(channel_id);
        pump();
      }, ms),
    });
  };
  const replace = (/** @type {Pending} */ item) => {
    items.set(item.nonce, item);
    tell();
  };

  function pump() {
    if (!isOpen) return;
    for (const item of items.values()) {
      if (busy.size >= ON_THE_WAY_MAX) return;
      if (item.state !== 'sending' || busy.has(item.channel_id)) continue;
      const { channel_id, content, nonce, reply_to } = item;
      const frame = { type: 'message.send', channel_id, content, nonce, ...(reply_to !== undefined && { reply_to }) };
      if (!transmit(frame)) return;
      hold(item, ANSWER_MAX_MS);
    }
  }

  /** @param {string} nonce @param {boolean} [isKept] whether the disk keeps it, for another tab sees to that */
  function remove(nonce, isKept = false) {
    const item = items.get(nonce);
    if (!item) return;
    items.delete(nonce);
    if (!isKept) drop(nonce);
    if (busy.get(item.channel_id)?.nonce === nonce) free(item.channel_id);
    tell();
    pump();
  }

  /** @param {Pending} item @param {Frame} frame */
  function refuse(item, frame) {
    if (OF_THE_LOGIN.has(frame.code)) return;
    const { delay_ms, ...rest } = item;
    if (frame.retry_after_ms !== undefined) {
      hold(item, frame.retry_after_ms);
      if (delay_ms !== undefined) replace(rest);
      return;
    }
    const failed = { ...rest, state: /** @type {'failed'} */ ('failed'), code: frame.code, detail: frame.detail };
    save(failed);
    if (busy.get(item.channel_id)?.nonce === item.nonce) free(item.channel_id);
    replace(failed);
    pump();
  }

  return {
    /** @param {Pending} item @returns {boolean} false where too many of its channel wait */
    add(item) {
      if (!items.has(item.nonce) && ofChannel(item.channel_id).length >= PENDING_MAX) return false;
      items.set(item.nonce, item);
      sort();
      tell();
      pump();
      return true;
    },

    /** What the disk kept, or what the tab with the gateway has. @param {Pending[]} kept */
    load(kept) {
      for (const item of kept) if (!items.has(item.nonce)) items.set(item.nonce, item);
      sort();
      tell();
      pump();
    },

    /** The place of the next send. */
    nextOrder: () => Math.max(Date.now(), 1 + Math.max(0, ...[...items.values()].map(({ order }) => order))),

    /** The gateway has said `ready`: all that is kept goes out once more, in its order. */
    opened() {
      isOpen = true;
      pump();
    },

    closed() {
      isOpen = false;
      for (const channel_id of [...busy.keys()]) free(channel_id);
      for (const item of items.values()) {
        const { delay_ms, ...rest } = item;
        if (delay_ms !== undefined) items.set(item.nonce, rest);
      }
      tell();
    },

    acknowledge: (/** @type {string} */ nonce) => remove(nonce),
    discard: remove,

    /** `message.delayed` and errors. @param {Frame} frame */
    take(frame) {
      const item = frame.nonce && items.get(frame.nonce);
      if (!item || item.state !== 'sending') return;
      if (frame.type === 'error') return refuse(item, frame);
      if (frame.type !== 'message.delayed') return;
      if (busy.get(item.channel_id)?.nonce === item.nonce) hold(item, frame.delay_ms + ANSWER_MAX_MS);
      replace({ ...item, delay_ms: frame.delay_ms });
    },

    /**
     * The failed send as it would go again: at the end, and with a new nonce where the old one names another message.
     * @param {string} nonce
     */
    again(nonce) {
      const item = items.get(nonce);
      if (!item || item.state !== 'failed') return null;
      const { code, detail, ...rest } = item;
      return {
        ...rest,
        state: /** @type {'sending'} */ ('sending'),
        order: this.nextOrder(),
        nonce: code === 'nonce_conflict' ? makeNonce() : nonce,
      };
    },

    /** @param {number} channel_id @returns {number} how many were not sent and are gone */
    forget(channel_id) {
      const lost = ofChannel(channel_id);
      for (const { nonce } of lost) remove(nonce);
      return lost.length;
    },

    all: () => [...items.values()],

    clear() {
      for (const channel_id of [...busy.keys()]) free(channel_id);
      isOpen = false;
      items = new Map();
      tell();
    },
  };
}
