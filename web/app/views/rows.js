// @ts-check
// What a channel's list shows, as rows: messages with the dividers of days and of what is new. Pure.

/** @typedef {import('../store.js').Message} Message */
/** @typedef {import('../store.js').Pending} Pending */
/**
 * @typedef {{kind: 'day', key: string, at: number} | {kind: 'unread', key: string}
 *   | {kind: 'message', key: string, message: Message, isFirst: boolean}
 *   | {kind: 'pending', key: string, pending: Pending, isFirst: boolean}} Row
 */

/** Messages of one author within this time stand together. */
const GROUP_MS = 5 * 60 * 1000;

/** @param {number} at */
function dayKey(at) {
  const date = new Date(at);
  return `day-${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/**
 * Before which entry what is new is divided off: from what is unread at the first look, and anew from what comes
 * while nobody reads.
 * @param {number | null} divider where it stands
 * @param {{firstSeq: number | null, isFirstLook: boolean, wasUnread: boolean, isReading: boolean}} now
 */
export function dividerAfter(divider, { firstSeq, isFirstLook, wasUnread, isReading }) {
  const isBegun = firstSeq !== null && (isFirstLook || !(wasUnread || isReading));
  return isBegun ? firstSeq : divider;
}

/**
 * @param {{messages: Message[], pending: Pending[], meId: number | undefined, unreadSeq: number | null}} shown
 * @returns {Row[]}
 */
export function rowsOf({ messages, pending, meId, unreadSeq }) {
  /** @type {Row[]} */
  const rows = [];
  let day = '';
  let author = /** @type {number | null | undefined} */ (undefined);
  let last = 0;
  let isUnreadShown = false;

  /** @param {number} at @param {number | null | undefined} by @returns {boolean} whether a group begins here */
  function step(at, by) {
    const today = dayKey(at);
    const isNewDay = today !== day;
    if (isNewDay) rows.push({ kind: 'day', key: today, at });
    const isFirst = isNewDay || by !== author || at - last > GROUP_MS || by === null;
    day = today;
    author = by;
    last = at;
    return isFirst;
  }

  for (const message of messages) {
    const at = Date.parse(message.created_at);
    let isFirst = step(at, message.author_id);
    if (!isUnreadShown && unreadSeq !== null && message.seq >= unreadSeq && message.author_id !== meId) {
      isUnreadShown = true;
      isFirst = true;
      rows.push({ kind: 'unread', key: 'unread' });
    }
    const isMine = message.author_id === meId && message.nonce;
    rows.push({ kind: 'message', key: isMine ? `n${message.nonce}` : `m${message.id}`, message, isFirst });
  }
  for (const one of pending) {
    const isFirst = step(one.created_at_ms, meId);
    rows.push({ kind: 'pending', key: `n${one.nonce}`, pending: one, isFirst });
  }
  return rows;
}
