// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { modulesFrom, textOf } from './tree.js';

const FIRST_SCREEN_BYTES_MAX = 120_000;
/** A browser asks for six files at a time, so each six more take a round trip more. */
const FIRST_SCREEN_MODULES_MAX = 25;
const FIRST_SCREEN_STYLES_MAX = 3;
const PAGE = textOf('index.html');

const references = Array.from(PAGE.matchAll(/\b(?:src|href)="\.\/([^"]*)"/g), ([, path]) => path);
const modules = modulesFrom('app/main.js');

/** @param {string[]} paths */
const sizeOf = (paths) => paths.reduce((sum, path) => sum + gzipSync(textOf(path), { level: 9 }).length, 0);

test('the first screen takes at most 25 modules and three style sheets', () => {
  const styles = references.filter((path) => path.endsWith('.css'));
  assert.ok(modules.size > 10, 'the imports are followed');
  assert.ok(modules.size <= FIRST_SCREEN_MODULES_MAX, `${modules.size} modules: ${[...modules].sort().join(', ')}`);
  assert.ok(styles.length <= FIRST_SCREEN_STYLES_MAX, `${styles.length} style sheets: ${styles.join(', ')}`);
});

test('the first screen takes at most 120 KB on the wire', () => {
  // Of the words only those of one language are loaded, and without those of dialogs. Who is not in needs the door.
  const wordsOf = (/** @type {string} */ language) => [`app/words/${language}.js`, `app/words/errors/${language}.js`];
  const [words] = ['en', 'ko'].map(wordsOf).sort((a, b) => sizeOf(b) - sizeOf(a));
  const paths = ['index.html', 'app/views/door.js', ...words, ...new Set([...references, ...modules])];
  const sum = sizeOf(paths);
  const largest = paths.sort((a, b) => sizeOf([b]) - sizeOf([a])).map((path) => `${path} ${sizeOf([path])}`);
  assert.ok(sum <= FIRST_SCREEN_BYTES_MAX, `${sum} bytes: ${largest.join(', ')}`);
});
