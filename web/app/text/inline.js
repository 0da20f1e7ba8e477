// @ts-check
/**
 * What is within a line, for markdown.js: code, and what spans.js and links.js read; and fences, which may begin
 * anywhere.
 */

import { EMOJI } from './emoji.js';
import { SCHEME, readAngle, readBareLink, readBracketEnd } from './links.js';
import { joined, matchAt, put, readEmphasis, readPair, runLength } from './spans.js';

/** @typedef {import('./markdown.js').Node} Node */
/** @typedef {import('./spans.js').Inline} Inline */
/** @typedef {import('./spans.js').Run} Run */
/** @typedef {import('./spans.js').Source} Source */

export const HEADING = /(#{1,3}) +(?=\S)/y;
export const QUOTE = />(?: |$)/my;
export const LONG_QUOTE = />>> (?=\s*\S)/y;
// At most three digits, so that a date that begins with its year is no list.
export const ITEM = /( *)(?:[-*]|(0|[1-9]\d{0,2})\.) +(?=\S)/y;

// What ends a stretch of plain text. The first is a face whose arm is a backslash; then keycaps, which begin as digits.
const SPECIAL = new RegExp(
  String.raw`¯\\_\(ツ\)_/¯|[0-9#*]\uFE0F?\u20E3|https?://|mailto:|` +
    String.raw`[\\*_~|\x60\[\]<\n\p{Extended_Pictographic}\p{Regional_Indicator}]`,
  'giu',
);
const EMOJI_HERE = new RegExp(EMOJI.source, 'uy');
const CONTINUATION = / {2,}(?=\S)/y;
const LANGUAGE = /([A-Za-z0-9_+#.-]{1,32})[ \t]*\n/y;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/**
 * @param {string} text
 * @returns {Run[]}
 */
export function fenceRuns(text) {
  const matches = text.matchAll(/`{3,}/g);
  const runs = Array.from(matches, ({ index, 0: { length } }) => ({ at: index, length, longest: length }));
  for (let i = runs.length - 2; i >= 0; i--) runs[i].longest = Math.max(runs[i].length, runs[i + 1].longest);
  return runs;
}

/**
 * Reads from `start` to the end of the line or item, or to where a block begins.
 * @param {Source} source
 * @param {number} start
 * @param {Inline['ends']} ends
 * @returns {{children: Node[], end: number}}
 */
export function readInline(source, start, ends) {
  /** @type {Inline} */
  const inline = {
    source,
    at: start,
    ends,
    isDone: false,
    out: [],
    marks: [],
    open: Object.create(null),
    brackets: [],
    linkIndex: -1,
    codeless: [],
  };
  const { text, meter } = source;
  while (inline.at < text.length && !inline.isDone) {
    const from = inline.at;
    const special = matchAt(SPECIAL, text, from);
    const index = special ? special.index : text.length;
    if (index > from) inline.out.push(text.slice(from, index));
    inline.at = index;
    if (special) readSpecial(inline, special[0]);
    meter.steps += inline.at - from;
  }
  return { children: joined(inline.out), end: inline.at };
}

/**
 * @param {Inline} inline
 * @param {string} special
 */
function readSpecial(inline, special) {
  const { text } = inline.source;
  const emoji = matchAt(EMOJI_HERE, text, inline.at);
  if (emoji) return put(inline, { type: 'emoji', text: emoji[0] }, emoji[0].length);
  switch (special[0]) {
    case '\n':
      return readNewline(inline, true);
    case '\\':
      return readBackslash(inline);
    case '`':
      return readBackticks(inline);
    case '*':
    case '_':
      return readEmphasis(inline, special[0]);
    case '~':
    case '|':
      return readPair(inline, special[0]);
    case '[':
      inline.brackets.push(inline.out.length);
      return put(inline, '[', 1);
    case ']':
      return readBracketEnd(inline);
    case '<':
      return readAngle(inline);
    default:
      return matchAt(SCHEME, text, inline.at) ? readBareLink(inline) : put(inline, special, special.length);
  }
}

/**
 * @param {Inline} inline
 * @param {boolean} isShown a newline after a fence is not
 */
function readNewline(inline, isShown) {
  const { text, isQuoted } = inline.source;
  inline.at += 1;
  const next = inline.at;
  const beginsList = matchAt(ITEM, text, next) !== null;
  if (inline.ends === 'item') {
    const indent = beginsList ? null : matchAt(CONTINUATION, text, next);
    inline.isDone = !indent;
    inline.at += indent ? indent[0].length : 0;
  } else {
    const beginsQuote = () => !isQuoted && (matchAt(LONG_QUOTE, text, next) || matchAt(QUOTE, text, next));
    inline.isDone = inline.ends === 'line' || beginsList || Boolean(matchAt(HEADING, text, next) || beginsQuote());
  }
  if (isShown && !inline.isDone) put(inline, { type: 'break' }, 0);
}

/** @param {Inline} inline */
function readBackslash(inline) {
  const next = inline.source.text[inline.at + 1] ?? '';
  if (PUNCTUATION.test(next)) put(inline, next, 2);
  else put(inline, '\\', 1);
}

/**
 * One or two backticks make code within a line, three or more a fence.
 * @param {Inline} inline
 */
function readBackticks(inline) {
  const { text, meter } = inline.source;
  const { at, codeless } = inline;
  const length = runLength(text, at);
  if (length >= 3) return readFence(inline, length);
  const marker = text.slice(at, at + length);
  if (at < (codeless[length] ?? 0)) return put(inline, marker, length);
  let end = at + length;
  while (end < text.length && text[end] !== '\n') {
    const count = text[end] === '`' ? runLength(text, end) : 0;
    if (count === length) break;
    end += count || 1;
  }
  meter.steps += end - at;
  if (text[end] !== '`') {
    codeless[length] = end;
    return put(inline, marker, length);
  }
  // A space at either side lets code begin or end with a backtick.
  const code = text.slice(at + length, end);
  const isPadded = code.startsWith(' ') && code.endsWith(' ') && code.trim() !== '';
  put(inline, { type: 'code', text: isPadded ? code.slice(1, -1) : code }, end + length - at);
}

/**
 * @param {Inline} inline
 * @param {number} length of the run of backticks
 */
function readFence(inline, length) {
  const { source, at } = inline;
  const { text, fences, meter } = source;
  const inner = at + length;
  while (source.fenceIndex < fences.length && fences[source.fenceIndex].at < inner) source.fenceIndex++;
  let index = source.fenceIndex;
  const lineEnd = inline.ends === 'line' ? text.indexOf('\n', at) : -1;
  const bound = lineEnd < 0 ? text.length : lineEnd;
  if ((fences[index]?.longest ?? 0) < length) return put(inline, text.slice(at, inner), length);
  while (fences[index].length < length && fences[index].at < bound) index++;
  meter.steps += index - source.fenceIndex;
  const close = fences[index];
  if (close.at >= bound) return put(inline, text.slice(at, inner), length);
  const tag = matchAt(LANGUAGE, text, inner);
  const isTagged = tag !== null && inner + tag[0].length < close.at;
  const start = inner + (isTagged ? tag[0].length : Number(text[inner] === '\n'));
  const end = text[close.at - 1] === '\n' && close.at > start ? close.at - 1 : close.at;
  if (isBreak(inline.out[inline.out.length - 1])) inline.out.pop();
  const code = text.slice(start, end);
  put(inline, { type: 'fence', language: isTagged ? tag[1] : '', text: code }, close.at + close.length - at);
  if (text[inline.at] === '\n') readNewline(inline, false);
}

/** @param {Node | undefined} node */
const isBreak = (node) => typeof node === 'object' && node.type === 'break';
