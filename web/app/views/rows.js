// @ts-check
// A channel's list: what it shows, as rows, and where it is scrolled to.
import { useEffect, useLayoutEffect, useRef, useState } from '../../vendor/hooks.js';

/** @typedef {import('../store.js').Message} Message */
/** @typedef {import('../store.js').Pending} Pending */
/**
 * @typedef {{kind: 'day', key: string, at: number} | {kind: 'unread', key: string}
 *   | {kind: 'message', key: string, message: Message, isFirst: boolean}
 *   | {kind: 'pending', key: string, pending: Pending, at: number, isFirst: boolean}} Row
 */

// The rows: messages with the dividers of days and of what is new. Pure.

/** Messages of one author within this time stand together. */
const GROUP_MS = 5 * 60 * 1000;

/** @param {number} at */
const dayOf = (at) => new Date(at).toDateString();

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
 * @param {{messages: Message[], pending: Pending[], meId: number | undefined, unreadSeq: number | null,
 *   hasOlder?: boolean, aheadMs?: number}} shown `hasOlder`: there are messages before those; `aheadMs`: how far the
 *   clock of this browser, by which pending ones are dated, is ahead of the node's
 * @returns {Row[]}
 */
export function rowsOf({ messages, pending, meId, unreadSeq, hasOlder = false, aheadMs = 0 }) {
  /** @type {Row[]} */
  const rows = [];
  let day = '';
  let author = /** @type {number | null | undefined} */ (undefined);
  let last = 0;
  // Where the first unread one may lie before all of these, nobody sees here what is new.
  let isUnreadShown = unreadSeq === null || (hasOlder && messages.length > 0 && messages[0].seq > unreadSeq);

  // A day may come once more: the clocks of nodes differ.
  const days = /** @type {Map<string, number>} */ (new Map());

  /** @param {number} at @param {number | null | undefined} by @returns {boolean} whether a group begins here */
  function step(at, by) {
    const today = dayOf(at);
    const isNewDay = today !== day;
    if (isNewDay) {
      const count = days.get(today) ?? 0;
      days.set(today, count + 1);
      rows.push({ kind: 'day', key: `day-${today}${count > 0 ? `-${count}` : ''}`, at });
    }
    const isFirst = isNewDay || by !== author || at - last > GROUP_MS || by === null;
    day = today;
    author = by;
    last = at;
    return isFirst;
  }

  for (const message of messages) {
    const at = Date.parse(message.created_at);
    let isFirst = step(at, message.author_id);
    if (!isUnreadShown && message.seq >= /** @type {number} */ (unreadSeq) && message.author_id !== meId) {
      isUnreadShown = true;
      isFirst = true;
      rows.push({ kind: 'unread', key: 'unread' });
    }
    const isMine = message.author_id === meId && message.nonce;
    rows.push({ kind: 'message', key: isMine ? `n${message.nonce}` : `m${message.id}`, message, isFirst });
  }
  for (const one of pending) {
    // It will come after all that is there.
    const at = Math.max(one.created_at_ms - aheadMs, last);
    const isFirst = step(at, meId);
    rows.push({ kind: 'pending', key: `n${one.nonce}`, pending: one, at, isFirst });
  }
  return rows;
}

/**
 * Finds what a message answers among those that are loaded.
 * @param {Message[]} messages
 * @param {boolean} hasOlder whether there are messages before those
 * @returns {(id: number | null | undefined) => Message | null | undefined} `null` where it is gone: all from before it
 *   on are there, and it is not
 */
export function originalsIn(messages, hasOlder) {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const [first] = messages;
  return (id) => {
    if (!id) return undefined;
    const isKnown = first && (!hasOlder || id > first.id);
    return byId.get(id) ?? (isKnown ? null : undefined);
  };
}

// The one owner of the scroll position: at the end it stays at the end; elsewhere the rows that one sees stay where
// they are, whatever is added, taken away or grows above and below them. So does, also at the end, the row of which the
// text is being changed; as it grows, all of it stays in the window.

const END_PX = 40;
/** Not every scroll position has fractions. */
const EXACT_END_PX = 2;
const LINE_PX = 40;
const PILL_PX = 56;
const KEPT_ROWS = 30;

/** @typedef {{key: string, offset: number, size: string}} Edited */
/** @typedef {{isAtEnd: boolean, top: number, rows: {key: string, offset: number}[], edited?: Edited}} Hold */

/** @param {HTMLElement} list */
const editedRow = (list) => /** @type {HTMLElement | null} */ (list.querySelector('.is-edited'));

/** @param {HTMLElement} view @param {number} most pixels that may be below */
const isAtEndOf = (view, most) => view.scrollHeight - view.scrollTop - view.clientHeight < most;

/** How high a row may be: away from the end the way there lies over the last lines. @param {HTMLElement} view */
const roomOf = (view) => view.clientHeight - (isAtEndOf(view, EXACT_END_PX) ? 0 : PILL_PX);

/** Another one where a row, or the room for it, has changed. @param {HTMLElement} row @param {HTMLElement} view */
const sizeOf = (row, view) => `${row.offsetHeight} in ${roomOf(view)}`;

/**
 * The row that is being changed, if one sees something of it.
 * @param {HTMLElement} list @param {HTMLElement} view
 * @returns {Edited | undefined}
 */
function editedSeen(list, view) {
  const row = editedRow(list);
  const offset = row ? row.offsetTop - view.scrollTop : Infinity;
  if (!row?.dataset.key || offset >= view.clientHeight || offset + row.offsetHeight <= 0) return undefined;
  return { key: row.dataset.key, offset, size: sizeOf(row, view) };
}

/** Scrolls no further than shows all of a row, its end first. @param {HTMLElement} view @param {HTMLElement} row */
function showWhole(view, row) {
  const above = row.offsetTop - view.scrollTop;
  const below = above + row.offsetHeight - roomOf(view);
  if (below > 0) view.scrollTop += below;
  else if (above < 0) view.scrollTop += Math.max(above, below);
}

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

/** What is seen, to be held. @param {HTMLElement} view @param {HTMLElement} list @returns {Hold} */
function holdOf(view, list) {
  const top = view.scrollTop;
  const edited = editedSeen(list, view);
  // Beside what is being changed nothing scrolls to the end by itself: what is below has not been seen.
  const isAtEnd = isAtEndOf(view, edited ? EXACT_END_PX : END_PX);
  return { isAtEnd, top, rows: holdsFrom(list.children, top), edited };
}

/**
 * Scrolls to where what is held stands as it stood.
 * @param {Hold} hold
 * @param {HTMLElement} view
 * @param {HTMLElement} list
 * @param {boolean} isWhole
 * @returns {boolean} whether it is a row that is being changed
 */
function keepTo({ isAtEnd, rows, edited }, view, list, isWhole) {
  const row = edited && editedRow(list);
  if (row && row.dataset.key === edited.key) {
    view.scrollTop = row.offsetTop - edited.offset;
    if (sizeOf(row, view) !== edited.size) showWhole(view, row);
    return true;
  }
  if (isAtEnd && isWhole) {
    view.scrollTop = view.scrollHeight;
    return false;
  }
  const byKey = new Map([...list.children].map((one) => [/** @type {HTMLElement} */ (one).dataset.key, one]));
  const known = rows.find(({ key }) => byKey.has(key));
  if (known) view.scrollTop = /** @type {HTMLElement} */ (byKey.get(known.key)).offsetTop - known.offset;
  return false;
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
    if (!view || !list.current) return;
    hold.current = holdOf(view, list.current);
    setAtEnd(hold.current.isAtEnd && whole.current);
  }

  function restore() {
    const view = scroller.current;
    if (!view || !list.current) return;
    const isEdited = keepTo(hold.current, view, list.current, whole.current);
    hold.current.top = view.scrollTop;
    // Others may have written: where it stands may be the end no longer.
    if (isEdited) remember();
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
    /** Shows all of the row that is being changed, if there is one. */
    toEdited() {
      const row = list.current && editedRow(list.current);
      if (!row || !scroller.current) return;
      showWhole(scroller.current, row);
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

/**
 * Where the row that has the focus goes, the one in its place takes it.
 * @param {{current: HTMLElement | null}} list
 * @param {Row[]} rows
 * @param {string | null} active the key of the row that has the focus, or had it last
 * @param {() => void} onNone no row is left
 */
export function useFocusInList(list, rows, active, onNone) {
  const hadFocus = !!list.current?.contains(document.activeElement);
  const at = useRef(0);
  const messages = rows.filter(({ kind }) => kind === 'message' || kind === 'pending');
  const now = messages.findIndex(({ key }) => key === active);
  if (now >= 0) at.current = now;
  useLayoutEffect(() => {
    if (hadFocus && document.activeElement === document.body && !focusRow(list, at.current)) onNone();
  }, [rows]);
}

/**
 * @param {{current: HTMLElement | null}} list
 * @param {number} index of a message, from the end where it is less than none; the last one where there are fewer
 * @returns {boolean} whether there is one
 */
export function focusRow(list, index) {
  const all = /** @type {HTMLElement[]} */ ([...(list.current?.querySelectorAll('.message') ?? [])]);
  const row = all.at(Math.min(index, all.length - 1));
  row?.focus({ preventScroll: true });
  return !!row;
}
