// @ts-check
/** Links and mentions: where a URL ends in a text, and which may be links at all. */

import { forget, joined, matchAt, put } from './spans.js';

/** @typedef {import('./spans.js').Inline} Inline */

/** What a link may begin with. */
export const SCHEME = /(?:https?:\/\/|mailto:)/iy;
const PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);
const MENTION = /<@!?(\d{1,16})>/y;
const STOP = /[\s<>"`\\]/;
const MARKER = /[*_~|]/;
// Punctuation that belongs to the sentence around.
const TAIL = /[.,;:!?'…。、，．！？：；」』】〉》”’]/;
const WORD = /[A-Za-z0-9]/;
const PAIRS = new Map([
  [')', '('],
  [']', '['],
]);

/**
 * The URL in full, if it is one that may be a link.
 * @param {string} url
 * @returns {string | undefined}
 */
function hrefOf(url) {
  try {
    const { protocol, href, host, pathname } = new URL(url);
    return PROTOCOLS.has(protocol) && (host || (protocol === 'mailto:' && pathname.includes('@'))) ? href : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where a URL ends that begins at `start`: at a space, a quotation mark or a bracket that it does not open itself.
 * @param {string} text
 * @param {number} start
 * @param {(at: number) => boolean} [endsAt] whether it ends here, too
 */
function urlEnd(text, start, endsAt = () => false) {
  /** @type {Record<string, number>} */
  const depths = { '(': 0, '[': 0 };
  let end = start;
  for (; end < text.length && !STOP.test(text[end]) && !endsAt(end); end++) {
    const char = text[end];
    const opening = PAIRS.get(char);
    if (opening && depths[opening]-- === 0) break;
    if (char in depths) depths[char]++;
  }
  return end;
}

/**
 * Where a URL ends that stands in a sentence.
 * @param {string} text
 * @param {number} start
 * @param {(kind: string) => boolean} isOpen whether a span of this kind is open, so that its marker may end the URL
 */
function proseUrlEnd(text, start, isOpen) {
  /** @param {number} at */
  const isMarker = (at) => {
    const char = text[at];
    if (!MARKER.test(char)) return false;
    const isDouble = text[at + 1] === char;
    if (char === '_') return (isOpen('_') || (isDouble && isOpen('__'))) && !WORD.test(text[at + 1] ?? ' ');
    return isDouble || isOpen(char);
  };
  let end = particleStart(text, start, urlEnd(text, start, isMarker));
  while (end > start && TAIL.test(text[end - 1])) end--;
  return end;
}

/**
 * Particles follow a host without a space (`https://example.com에서`): it ends where the letters of its last label change
 * from Latin to Hangul.
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function particleStart(text, start, end) {
  const url = text.slice(start, end);
  const host = /^https?:\/\/[^/?#]*/i.exec(url)?.[0] ?? '';
  const label = host.slice(Math.max(host.lastIndexOf('.'), host.lastIndexOf('/')) + 1);
  const latin = /^[A-Za-z0-9:-]+(?=[가-힣])/.exec(label);
  return latin ? start + host.length - label.length + latin[0].length : end;
}

/**
 * `]` ends the label of a link if its target follows, and is text otherwise. A label that has a link itself makes
 * none, so no link shows another target than its own.
 * @param {Inline} inline
 */
export function readBracketEnd(inline) {
  const { source, out, brackets, at } = inline;
  const { text, meter } = source;
  const index = brackets.pop();
  const hasLabel = index !== undefined && index < out.length - 1 && inline.linkIndex < index;
  if (!hasLabel || text[at + 1] !== '(') return put(inline, ']', 1);
  const isAngled = text[at + 2] === '<';
  const start = at + (isAngled ? 3 : 2);
  const end = matchAt(SCHEME, text, start) ? urlEnd(text, start, (place) => text[place] === '[') : start;
  meter.steps += end - at;
  const href = hrefOf(text.slice(start, end));
  if (!href || !text.startsWith(isAngled ? '>)' : ')', end)) return put(inline, ']', 1);
  forget(inline, index);
  const children = joined(out.splice(index + 1));
  out.pop();
  put(inline, { type: 'link', href, children }, end + (isAngled ? 2 : 1) - at);
}

/**
 * `<@7>` is a mention, `<https://…>` a link.
 * @param {Inline} inline
 */
export function readAngle(inline) {
  const { text, meter } = inline.source;
  const { at } = inline;
  const mention = matchAt(MENTION, text, at);
  if (mention && Number.isSafeInteger(Number(mention[1]))) {
    const node = { type: /** @type {const} */ ('mention'), user_id: Number(mention[1]), text: mention[0] };
    return put(inline, node, mention[0].length);
  }
  if (!matchAt(SCHEME, text, at + 1)) return put(inline, '<', 1);
  const end = urlEnd(text, at + 1);
  meter.steps += end - at;
  const url = text.slice(at + 1, end);
  const href = text[end] === '>' ? hrefOf(url) : undefined;
  if (!href) return put(inline, '<', 1);
  put(inline, { type: 'link', href, children: [url] }, end + 1 - at);
}

/**
 * A link as it stands in the text, without the punctuation that follows it.
 * @param {Inline} inline
 */
export function readBareLink(inline) {
  const { source, at, open: byKind } = inline;
  const { text, meter } = source;
  const isWithinWord = WORD.test(text[at - 1] ?? ' ');
  const end = isWithinWord ? at : proseUrlEnd(text, at, (kind) => byKind[kind] !== undefined);
  meter.steps += end - at;
  const url = text.slice(at, end);
  const href = hrefOf(url);
  if (href) return put(inline, { type: 'link', href, children: [url] }, end - at);
  const plain = url || text[at];
  put(inline, plain, plain.length);
}
