// @ts-check
// The one owner of a list's scroll position: at the end it stays at the end; elsewhere the rows that one sees stay
// where they are, whatever is added, taken away or grows above and below them.
import { useEffect, useLayoutEffect, useRef, useState } from '../../vendor/hooks.js';

const END_PX = 40;
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
    const first = firstSeen(rows, top);
    const kept = [];
    for (let i = first; i < rows.length && kept.length < KEPT_ROWS; i += 1) {
      const row = /** @type {HTMLElement} */ (rows[i]);
      // Dividers are no hold: a day's one is above what is put before its first message.
      const { key, id } = row.dataset;
      if (key && id !== undefined) kept.push({ key, offset: row.offsetTop - top });
    }
    hold.current = { isAtEnd: atEnd, top, rows: kept };
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
