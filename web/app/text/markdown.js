// @ts-check
/**
 * Messages are written in a subset of Markdown, the one that chats share. `parse` turns a text into a tree of nodes
 * and never into HTML; the views make elements of it. This file has the blocks, and what is within a line but for
 * spans.js.
 *
 * It never throws, it takes time in proportion to the text, and it loses no text: every character is in a node, or is
 * part of a marker that a node stands for (`**`, `> `, `](`, a backslash before punctuation, …) or the space beside
 * one. What is no marker stays text.
 */

import {
  EMOJI,
  SCHEME,
  joined,
  matchAt,
  put,
  readAngle,
  readBareLink,
  readBracketEnd,
  readEmphasis,
  readPair,
  runLength,
} from './spans.js';

/**
 * @typedef {{type: 'bold' | 'italic' | 'underline' | 'strike' | 'spoiler' | 'quote', children: Node[]}} SpanNode
 * @typedef {{type: 'heading', level: number, children: Node[]}} HeadingNode
 * @typedef {{type: 'item', number?: number, children: Node[]}} ItemNode
 * @typedef {{type: 'list', ordered: boolean, children: ItemNode[]}} ListNode
 * @typedef {{type: 'link', href: string, children: Node[]}} LinkNode
 * @typedef {{type: 'mention', user_id: number, text: string}} MentionNode
 * @typedef {{type: 'code' | 'emoji', text: string}} TextNode
 * @typedef {{type: 'fence', language: string, text: string}} FenceNode
 * @typedef {{type: 'break'}} BreakNode
 * @typedef {SpanNode | HeadingNode | ItemNode | ListNode | LinkNode | MentionNode | TextNode | FenceNode | BreakNode
 *   } ElementNode
 * @typedef {string | ElementNode} Node
 * @typedef {import('./spans.js').Inline} Inline
 * @typedef {import('./spans.js').Run} Run
 * @typedef {import('./spans.js').Source} Source
 */

const BLOCKS = new Set(['quote', 'heading', 'list', 'item', 'fence']);
const LEVELS_MAX = 6;
const LINE_FROM = 400;
const LINE_MAX = 200;

const HEADING = /(#{1,3}) +(?=\S)/y;
const QUOTE = />(?: |$)/my;
const LONG_QUOTE = />>> (?=\s*\S)/y;
// At most three digits, so that a date that begins with its year is no list.
const ITEM = /( *)(?:[-*]|(0|[1-9]\d{0,2})\.) +(?=\S)/y;

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
 * The tree of a text. `meter.steps` counts the characters that were looked at, for the tests.
 * @param {string} text
 * @param {{steps: number}} [meter]
 * @returns {Node[]}
 */
export function parse(text, meter = { steps: 0 }) {
  return readBlocks(text, false, meter);
}

/**
 * The text of a tree as a person reads it, each block on a line of its own; `nameOf` gives the words for a mention.
 * @param {Node[]} nodes
 * @param {(user_id: number) => string} [nameOf]
 * @returns {string}
 */
export function textOf(nodes, nameOf) {
  let text = '';
  let followsBlock = false;
  for (const node of nodes) {
    const isBlock = typeof node !== 'string' && BLOCKS.has(node.type);
    if ((isBlock || followsBlock) && text && !text.endsWith('\n')) text += '\n';
    text += textOfNode(node, nameOf);
    followsBlock = isBlock;
  }
  return text;
}

/**
 * @param {Node} node
 * @param {(user_id: number) => string} [nameOf]
 * @returns {string}
 */
function textOfNode(node, nameOf) {
  if (typeof node === 'string') return node;
  if (node.type === 'break') return '\n';
  if (node.type === 'mention' && nameOf) return nameOf(node.user_id);
  return 'children' in node ? textOf(node.children, nameOf) : node.text;
}

/** @param {Node} node @returns {string} */
function plainOf(node) {
  if (typeof node === 'string') return node;
  if (node.type === 'spoiler') return '▒▒▒';
  if (node.type === 'break') return ' ';
  return 'children' in node ? `${node.children.map(plainOf).join('')} ` : node.text;
}

/** The text in one line, as a preview has it: without marks, and what is hidden stays hidden. @param {string} text */
export function lineOf(text) {
  const nodes = parse(text.slice(0, LINE_FROM));
  return nodes.map(plainOf).join('').replace(/\s+/g, ' ').trim().slice(0, LINE_MAX);
}

// Blocks.

/**
 * @param {string} text
 * @param {boolean} isQuoted
 * @param {{steps: number}} meter
 */
function readBlocks(text, isQuoted, meter) {
  /** @type {Source} */
  const source = { text, isQuoted, meter, fences: fenceRuns(text), fenceIndex: 0 };
  /** @type {Node[]} */
  const nodes = [];
  let at = 0;
  while (at < text.length) {
    const { children, end } = readBlock(source, at) ?? readInline(source, at, 'block');
    for (const child of children) nodes.push(child);
    at = end;
  }
  return joined(nodes);
}

/**
 * @param {Source} source
 * @param {number} at
 * @returns {{children: Node[], end: number} | undefined}
 */
function readBlock(source, at) {
  const heading = matchAt(HEADING, source.text, at);
  if (heading) {
    const { children, end } = readInline(source, at + heading[0].length, 'line');
    return { children: [{ type: 'heading', level: heading[1].length, children }], end };
  }
  if (matchAt(ITEM, source.text, at)) return readList(source, at);
  return source.isQuoted ? undefined : readQuote(source, at);
}

/**
 * `> ` quotes a line, `>>> ` all that follows. Quotes are not nested.
 * @param {Source} source
 * @param {number} at
 * @returns {{children: Node[], end: number} | undefined}
 */
function readQuote({ text, meter }, at) {
  let quoted = '';
  let end = at;
  if (matchAt(LONG_QUOTE, text, at)) {
    quoted = text.slice(at + 4);
    end = text.length;
  }
  while (end < text.length && matchAt(QUOTE, text, end)) {
    const newline = text.indexOf('\n', end);
    const next = newline < 0 ? text.length : newline + 1;
    quoted += text[end + 1] === '\n' ? '\n' : text.slice(end + 2, next);
    end = next;
  }
  if (end === at) return undefined;
  if (quoted.endsWith('\n') && end < text.length) quoted = quoted.slice(0, -1);
  meter.steps += end - at;
  return { children: [{ type: 'quote', children: readBlocks(quoted, true, meter) }], end };
}

/**
 * Lines with bullets or numbers; those that stand further in are lists in the item above.
 * @param {Source} source
 * @param {number} at
 */
function readList(source, at) {
  /** @type {Node[]} */
  const top = [];
  /** @type {{indent: number, list: ListNode, into: Node[]}[]} */
  const levels = [];
  let end = at;
  for (let item = matchAt(ITEM, source.text, at); item; item = matchAt(ITEM, source.text, end)) {
    const indent = item[1].length;
    const ordered = item[2] !== undefined;
    while (levels.length > 1 && indent < levels[levels.length - 1].indent) levels.pop();
    let level = levels[levels.length - 1];
    if (!level || (indent >= level.indent + 2 && levels.length < LEVELS_MAX)) {
      const into = level ? level.list.children[level.list.children.length - 1].children : top;
      level = { indent, list: { type: 'list', ordered, children: [] }, into };
      levels.push(level);
      into.push(level.list);
    } else if (level.list.ordered !== ordered) {
      level.list = { type: 'list', ordered, children: [] };
      level.into.push(level.list);
    }
    const content = readInline(source, end + item[0].length, 'item');
    level.list.children.push({ type: 'item', ...(ordered && { number: Number(item[2]) }), children: content.children });
    end = content.end;
  }
  return { children: top, end };
}

// Within a line.

/**
 * @param {string} text
 * @returns {Run[]}
 */
function fenceRuns(text) {
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
function readInline(source, start, ends) {
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
