// @ts-check
// A message's text as elements. The parser gives a tree of nodes; nothing here ever takes text for markup.
import { useMemo, useState } from '../../vendor/hooks.js';
import { me, people } from '../store.js';
import { isOnlyEmoji } from '../text/emoji.js';
import { parse } from '../text/markdown.js';
import { t } from '../words.js';
import { classes, html, personName } from './kit.js';
import { followLink, openDialog } from './screen.js';

const BIG_MAX = 60;
const TAGS = /** @type {Record<string, string>} */ ({
  bold: 'strong',
  italic: 'em',
  underline: 'u',
  strike: 's',
  quote: 'blockquote',
  item: 'li',
});

/** @param {{children?: any}} props */
function Spoiler({ children }) {
  const [isShown, setShown] = useState(false);
  if (isShown) return html`<span class="spoiler is-shown">${children}</span>`;
  return html`<button type="button" class="spoiler" aria-label=${t('message.spoiler')} title=${t('message.spoiler')}
    onClick=${() => setShown(true)}>
    <span aria-hidden="true">${children}</span>
  </button>`;
}

/** @param {{id: number, text: string}} props */
function Mention({ id, text }) {
  const person = people.value.get(id) ?? (me.value?.id === id ? me.value : null);
  if (!person) return html`<span class="mention">${text}</span>`;
  return html`<button type="button" class="mention" tabIndex=${-1} onClick=${(/** @type {any} */ event) =>
    openDialog('person', { userId: id, anchor: event.currentTarget.getBoundingClientRect() })}>@${personName(person)}
      </button>`;
}

/** @param {any} node @param {number} key @returns {any} */
function element(node, key) {
  if (typeof node === 'string') return node;
  const inside = node.children ? node.children.map(element) : node.text ?? '';
  switch (node.type) {
    case 'bold':
    case 'italic':
    case 'underline':
    case 'strike':
    case 'quote':
    case 'item':
      return html`<${TAGS[node.type]} key=${key}>${inside}<//>`;
    case 'list':
      return node.ordered ? html`<ol key=${key} start=${node.children[0]?.number}>${inside}</ol>` : html`<ul
        key=${key}>${inside}</ul>`;
    case 'heading':
      return html`<p key=${key} class="text-heading"><strong>${inside}</strong></p>`;
    case 'spoiler':
      return html`<${Spoiler} key=${key}>${inside}<//>`;
    case 'code':
      return html`<code key=${key}>${inside}</code>`;
    case 'fence':
      return html`<pre key=${key} tabIndex=${0}><code>${inside}</code></pre>`;
    case 'link':
      return html`<a key=${key} href=${node.href} target="_blank" rel="noopener noreferrer nofollow"
        title=${node.href} onClick=${followLink}>${inside}</a>`;
    case 'mention':
      return html`<${Mention} key=${key} id=${node.user_id} text=${node.text} />`;
    case 'break':
      return html`<br key=${key} />`;
    case 'emoji':
      return html`<span key=${key} class="emoji-glyph">${inside}</span>`;
    default:
      return inside;
  }
}

/** @param {{text: string}} props */
export function Content({ text }) {
  const nodes = useMemo(() => parse(text).map(element), [text]);
  const isBig = text.length <= BIG_MAX && isOnlyEmoji(text);
  return html`<div class=${classes('text', isBig && 'is-big')} data-test="text">${nodes}</div>`;
}

const LINE_FROM = 400;
const LINE_MAX = 200;

/** @param {any} node @returns {string} */
function plainOf(node) {
  if (typeof node === 'string') return node;
  if (node.type === 'spoiler') return '▒▒▒';
  if (node.type === 'break') return ' ';
  return node.children ? `${node.children.map(plainOf).join('')} ` : node.text ?? '';
}

/** The text in one line, as a preview has it: without marks, and what is hidden stays hidden. @param {string} text */
export function lineOf(text) {
  const nodes = parse(text.slice(0, LINE_FROM));
  return nodes.map(plainOf).join('').replace(/\s+/g, ' ').trim().slice(0, LINE_MAX);
}
