// @ts-check
// A channel's list: what it shows, as rows, and where it is scrolled to.
import { useEffect, useLayoutEffect, useRef, useState } from '../../vendor/hooks.js';

/** @typedef {import('../store.js').Message} Message */
/** @typedef {import('../store.js').Pending} Pending */
/**
 * @typedef {{kind: 'day', key: string, at: number} | {kind: 'unread', key: string}
 *   | {kind: 'message', key: string, message: Message, isFirst: boolean}
 *   | {kind: 'pending', key: string, pending: Pending, isFirst: boolean}} Row
 */

// The rows: messages with the dividers of days and of what is new. Pure.

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

// The one owner of the scroll position: at the end it stays at the end; elsewhere the rows that one sees stay where
// they are, whatever is added, taken away or grows above and below them.

const END_PX = 40;
const LINE_PX = 40;
const KEPT_ROWS = 30;

/** @typedef {{isAtEnd: boolean, top: number, rows: {key: string, offset: number}[]}} Hold */

/** The first row that is seen, by halving. @param {HTMLCollection} rows @param {number} top */
function firstSeen(rows, top) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = /** @type {HTMLElement} */ (rows[middle]);
    if (row.offsetTop + row.offsetHeight > top) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Some rows from the first one that is seen on. @param {HTMLCollection} rows @param {number} top */
function holdsFrom(rows, top) {
  const kept = [];
  for (let i = firstSeen(rows, top); i < rows.length && kept.length < KEPT_ROWS; i += 1) {
    const row = /** @type {HTMLElement} */ (rows[i]);
    // Dividers are no hold: a day's one is above what is put before its first message.
    const { key, id } = row.dataset;
    if (key && id !== undefined) kept.push({ key, offset: row.offsetTop - top });
  }
  // The first of all is the last hold: its head goes where earlier ones of its author are put above it.
  const head = /** @type {HTMLElement | null | undefined} */ (rows[0]?.parentElement?.querySelector('[data-id]'));
  if (kept[0]?.key === head?.dataset.key) kept.push(...kept.splice(0, 1));
  return kept;
}

/**
 * Scrolls by keys at once. What a browser glides to is a place of before: it would be another one when older messages
 * come above on the way.
 * @param {KeyboardEvent} event
 */
export function scrollByKey(event) {
  const view = /** @type {HTMLElement} */ (event.currentTarget);
  const { target, key } = event;
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (target instanceof Element && target.closest('textarea, pre')) return;
  const page = view.clientHeight - LINE_PX;
  const steps = { PageUp: -page, PageDown: page, ArrowUp: -LINE_PX, ArrowDown: LINE_PX };
  if (!(key in steps)) return;
  event.preventDefault();
  view.scrollTop += /** @type {Record<string, number>} */ (steps)[key];
}

/**
 * @param {{current: HTMLElement | null}} scroller it is `position: relative`
 * @param {{current: HTMLElement | null}} list is in it, of rows that have `data-key`
 * @param {boolean} isWhole whether the end of the list is the end of the log
 */
export function useScroll(scroller, list, isWhole) {
  const hold = useRef(/** @type {Hold} */ ({ isAtEnd: true, top: 0, rows: [] }));
  const [isAtEnd, setAtEnd] = useState(true);
  const whole = useRef(isWhole);
  whole.current = isWhole;

  function remember() {
    const view = scroller.current;
    const rows = list.current?.children;
    if (!view || !rows) return;
    const top = view.scrollTop;
    const atEnd = view.scrollHeight - top - view.clientHeight < END_PX;
    hold.current = { isAtEnd: atEnd, top, rows: holdsFrom(rows, top) };
    setAtEnd(atEnd && whole.current);
  }

  function restore() {
    const view = scroller.current;
    const rows = list.current?.children;
    if (!view || !rows) return;
    const { isAtEnd: atEnd, rows: kept } = hold.current;
    if (atEnd && whole.current) {
      view.scrollTop = view.scrollHeight;
    } else {
      const byKey = new Map([...rows].map((row) => [/** @type {HTMLElement} */ (row).dataset.key, row]));
      const known = kept.find(({ key }) => byKey.has(key));
      if (known) view.scrollTop = /** @type {HTMLElement} */ (byKey.get(known.key)).offsetTop - known.offset;
    }
    hold.current.top = view.scrollTop;
  }

  // Somebody may have scrolled since the last event: what is seen just before the rows change is what stays.
  if (scroller.current && scroller.current.scrollTop !== hold.current.top) remember();
  useLayoutEffect(restore);

  useEffect(() => {
    const observer = new ResizeObserver(() => {
      restore();
      remember();
    });
    if (scroller.current) observer.observe(scroller.current);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);

  return {
    isAtEnd,
    /** The same at this very moment. */
    isAtEndNow: () => hold.current.isAtEnd,
    onScroll: remember,
    /** Keeps to the end from now on. */
    toEnd() {
      hold.current = { isAtEnd: true, top: 0, rows: [] };
      restore();
      remember();
    },
    toStart() {
      if (scroller.current) scroller.current.scrollTop = 0;
      remember();
    },
    /** @param {HTMLElement} row @param {number} part where in the window it is to stand, from 0 (top) to 1 */
    toRow(row, part) {
      const view = scroller.current;
      if (!view) return;
      view.scrollTop = row.offsetTop - Math.max(0, view.clientHeight - row.offsetHeight) * part;
      remember();
    },
  };
}
