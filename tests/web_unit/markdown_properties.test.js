// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parse, textOf } from '../../web/app/text/markdown.js';
import { randomOf } from './random.js';

/** @typedef {import('../../web/app/text/markdown.js').Node} Node */

const PIECES = [
  '*',
  '**',
  '***',
  '_',
  '__',
  '~~',
  '||',
  '`',
  '``',
  '```',
  '```js\n',
  '> ',
  '>>> ',
  '# ',
  '## ',
  '- ',
  '  - ',
  '1. ',
  '12. ',
  '\n',
  '\n\n',
  '[',
  ']',
  '](',
  ')',
  '(',
  '<',
  '>',
  '\\',
  ' ',
  '  ',
  'https://a.b/c',
  'http://',
  'mailto:a@b.c',
  '](https://d.e/f)',
  '](<https://d.e>)',
  '<@7>',
  '<@',
  'javascript:',
  '가',
  '나다',
  '은',
  'ab',
  'C',
  '0',
  '7',
  '👍🏽',
  '❤️',
  '🇰🇷',
  '👨‍👩‍👧',
  '1️⃣',
  '.',
  ',',
  '!',
  '。',
  '&',
  '"',
  "'",
  '\u200d',
  '\u3000',
  '\t',
];

/** @param {ReturnType<typeof randomOf>} random */
const randomText = (random) => Array.from({ length: 1 + random.below(30) }, () => random.pick(PIECES)).join('');

/**
 * All that the nodes say, in the order of the text, also what is not shown: targets, languages, numbers.
 * @param {Node[]} nodes
 * @returns {string}
 */
const contentOf = (nodes) =>
  nodes
    .map((each) => {
      if (typeof each === 'string') return each;
      if (each.type === 'break') return '\n';
      if (each.type === 'fence') return each.language + each.text;
      if (!('children' in each)) return each.text;
      const inner = contentOf(each.children);
      if (each.type === 'item') return (each.number ?? '') + inner;
      const isBare = each.type !== 'link' || (URL.canParse(inner) && new URL(inner).href === each.href);
      return isBare ? inner : inner + decodeURI(each.href);
    })
    .join('');

/** @param {string} text */
const withoutMarkers = (text) => text.replace(/[!-/:-@[-`{-~\s]/g, '');

/**
 * @param {string} part
 * @param {string} whole
 */
function isSubsequence(part, whole) {
  let at = 0;
  for (const char of part) {
    at = whole.indexOf(char, at) + char.length;
    if (at < char.length) return false;
  }
  return true;
}

/**
 * @param {Node[]} nodes
 * @param {(node: Exclude<Node, string>, depth: number) => void} visit
 */
function walk(nodes, visit, depth = 1) {
  for (const [index, each] of nodes.entries()) {
    if (typeof each === 'string') {
      assert.notEqual(each, '');
      assert.notEqual(typeof nodes[index + 1], 'string', 'neighbouring strings are one');
      continue;
    }
    visit(each, depth);
    if ('children' in each) walk(each.children, visit, depth + 1);
  }
}

// No text is lost: (1) letters, digits and symbols outside ASCII's punctuation are all in the tree, once and in order;
// (2) what is shown is the text without some characters, and none that it had not; (3) what has every punctuation mark
// behind a backslash is shown as it was before; (4) what has no punctuation is shown as it is.
test('no text is lost, whatever it is', () => {
  const random = randomOf(1);
  for (let round = 0; round < 20_000; round++) {
    const text = randomText(random);
    const tree = parse(text);
    const content = contentOf(tree);
    // A host beside a label is kept in the letters that DNS has.
    if (!content.includes('xn--')) {
      assert.equal(withoutMarkers(content).toLowerCase(), withoutMarkers(text).toLowerCase(), JSON.stringify(text));
    }
    const shown = textOf(tree).replace(/\s/g, '');
    assert.ok(isSubsequence(shown, text), `${JSON.stringify(text)} shows ${shown}`);
    const escaped = text.replace(/[!-/:-@[-`{-~]/g, '\\$&');
    assert.equal(textOf(parse(escaped)), text);
    const plain = text.replace(/[!-/:-@[-`{-~]/g, '');
    assert.equal(textOf(parse(plain)), plain);
    walk(tree, (each, depth) => {
      assert.ok(depth <= 24, JSON.stringify(text));
      if (each.type === 'link') assert.match(each.href, /^(https?:\/\/|mailto:)./);
    });
  }
});

test('no text of any code units makes it fail', () => {
  const random = randomOf(2);
  for (let round = 0; round < 5_000; round++) {
    const units = Array.from({ length: random.below(40) }, () => random.below(random.pick([128, 0x3000, 0x10000])));
    const text = String.fromCharCode(...units);
    assert.equal(typeof textOf(parse(text)), 'string');
  }
});

// What makes a parser look ahead, or back, again and again.
const WORST = [
  '**',
  '* ',
  '**a ',
  '*a**b',
  '_',
  '__a_',
  '~~',
  '~~a',
  '||',
  '|| ',
  '|||',
  '`',
  '` ',
  '`` `',
  '\\``',
  '```',
  '```` ``` ',
  '\\````',
  '# ```\n',
  '- ````\n',
  '>',
  '> ',
  '> \n',
  '>>> ',
  '>>> \n',
  '# ',
  '#\n',
  '- ',
  '- a\n',
  '  - a\n',
  '1. ',
  '1. a\n  ',
  '[',
  ']',
  '[]',
  '[a]',
  '[a](',
  '[a](http://',
  '[a](http://b',
  '[a](http://b**',
  '](http://a',
  '[a](<http://b',
  '(',
  ')',
  '<',
  '<@',
  '<@7',
  '<http://a',
  'http://',
  'http://a',
  'http://a(',
  'http://a**',
  'http://a.',
  'http://[',
  'http',
  'mailto:a@',
  '\\',
  '\\*',
  '\n',
  ' ',
  ' \n',
  '👍',
  '👩\u200d',
  '🇰',
  '1️⃣',
  '🏴\u{E0067}',
  '***a* ',
  '**a*_b__~~c||d[',
  '가',
  '가**',
  '¯\\_(ツ)_/',
  '!',
  'https://a.b가.',
];

test('the work grows as the text does', () => {
  for (const piece of WORST) {
    const steps = [2_000, 4_000].map((length) => {
      const meter = { steps: 0 };
      parse(piece.repeat(Math.ceil(length / piece.length)).slice(0, length), meter);
      return meter.steps;
    });
    assert.ok(steps[1] <= 6 * 4_000, `${JSON.stringify(piece)} takes ${steps[1]} steps`);
    assert.ok(steps[1] <= 2.2 * steps[0] + 100, `${JSON.stringify(piece)} grows from ${steps[0]} to ${steps[1]} steps`);
  }
});
