// @ts-check
/**
 * Messages are written in a subset of Markdown, the one that chats share. `parse` turns a text into a tree of nodes
 * and never into HTML; the views make elements of it. This file has the blocks, inline.js what is within a line.
 *
 * It never throws, it takes time in proportion to the text, and it loses no text: every character is in a node, or is
 * part of a marker that a node stands for (`**`, `> `, `](`, a backslash before punctuation, …) or the space beside
 * one. What is no marker stays text.
 */

import { HEADING, ITEM, LONG_QUOTE, QUOTE, fenceRuns, readInline } from './inline.js';
import { joined, matchAt } from './spans.js';

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
 * @typedef {import('./spans.js').Source} Source
 */

const BLOCKS = new Set(['quote', 'heading', 'list', 'item', 'fence']);
const LEVELS_MAX = 6;

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
