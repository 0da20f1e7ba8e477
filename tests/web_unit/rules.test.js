// @ts-check
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';

import { WEB, filesOf, importsOf, textOf } from './tree.js';

const MODULES = filesOf('app', '.js');
const STYLES = filesOf('style', '.css');
const OURS = ['index.html', 'favicon.svg', ...MODULES, ...STYLES];
const LINES_MAX = 400;
const COLUMNS_MAX = 120;

/**
 * The lines of a file, with those of comments left empty.
 * @param {string} path
 */
const linesOf = (path) => {
  const code = textOf(path).replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''));
  return code.split('\n').map((line) => line.replace(/^\s*\/\/.*/, ''));
};

/**
 * Fails with each line of the files in which the pattern is found, outside of what is allowed.
 * @param {string[]} paths
 * @param {RegExp} pattern
 * @param {RegExp} [allowed]
 */
function isNowhere(paths, pattern, allowed = /(?!)/) {
  const isFound = (/** @type {string} */ line) => pattern.test(line.replace(allowed, ''));
  const found = paths.flatMap((path) =>
    linesOf(path).flatMap((line, index) => (isFound(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(found, []);
}

test('no text is ever taken for markup or code', () => {
  isNowhere(
    OURS,
    /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|createContextualFragment/,
  );
  isNowhere(OURS, /DOMParser|setHTML|parseHTML|srcdoc|trustedTypes|\beval\b|new Function|setTimeout\(\s*['"`]/);
  isNowhere(['index.html'], /<script(?![^>]*\bsrc=)|<style|\son[a-z]+\s*=/i);
});

test('styles are in style sheets, or set property by property', () => {
  isNowhere(
    OURS.filter((path) => path !== 'favicon.svg'),
    /\bstyle=["'`][^"'`]*:|\bstyle=\$\{\s*["'`]|cssText|setAttribute\(\s*['"]style/,
  );
});

test('nothing is asked of another host, and every address is relative', () => {
  // A name of XML is no address, and in the patterns by which text/ finds links no host follows the slashes.
  const names = /\bxmlns=(["'])http:\/\/www\.w3\.org\/2000\/svg\1/g;
  isNowhere(OURS, /\b(?:https?|wss?):\/\/[a-z0-9]/i, names);
  isNowhere(
    OURS,
    /\b(?:src|href|action)=["']?\/|\burl\(\s*["']?(?:\/|https?:)|new URL\(\s*["'`]\/|fetch\(\s*["'`]\/|@import/i,
  );
});

test('every import and every reference of the page is a file that there is', () => {
  for (const path of [...MODULES, ...filesOf('vendor', '.js')]) {
    for (const target of importsOf(textOf(path))) {
      assert.match(target, /^\.\.?\/.*\.js$/, `${path} imports ${target}`);
      assert.ok(existsSync(new URL(target, new URL(path, WEB))), `${path} imports ${target}`);
    }
  }
  for (const [, target] of textOf('index.html').matchAll(/\b(?:src|href)="([^"]*)"/g)) {
    assert.match(target, /^\.\//);
    assert.ok(existsSync(new URL(target, WEB)), target);
  }
});

test('no modules need each other in a circle', () => {
  /** @type {Map<string, string[]>} */
  const needs = new Map(
    MODULES.map((path) => {
      const targets = importsOf(textOf(path)).map((target) => new URL(target, new URL(path, WEB)).href);
      return [path, targets.map((href) => href.slice(WEB.href.length)).filter((other) => MODULES.includes(other))];
    }),
  );
  // Whoever needs only those that were taken away is taken away, too: what is left is circles, and who needs them.
  for (let size = NaN; size !== needs.size; ) {
    size = needs.size;
    for (const [path, others] of needs) if (!others.some((other) => needs.has(other))) needs.delete(path);
  }
  assert.deepEqual([...needs.keys()], []);
});

test('each file is typed, and none is too long or too wide', () => {
  for (const path of MODULES) {
    assert.ok(textOf(path).startsWith('// @ts-check\n'), path);
    const lines = textOf(path).split('\n');
    assert.ok(lines.length <= LINES_MAX + 1, `${path} has more than ${LINES_MAX} lines`);
    const wide = lines.findIndex((line) => [...line].length > COLUMNS_MAX);
    assert.equal(wide, -1, `${path}:${wide + 1} has more than ${COLUMNS_MAX} columns`);
  }
});
