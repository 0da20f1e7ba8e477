// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { filesOf, modulesFrom, textOf } from './tree.js';

const FIRST_SCREEN_BYTES_MAX = 120_000;
/** A browser asks for six files at a time, so each six more take a round trip more. */
const FIRST_SCREEN_MODULES_MAX = 25;
const FIRST_SCREEN_STYLES_MAX = 3;
const PAGE = textOf('index.html');

const references = Array.from(PAGE.matchAll(/\b(?:src|href)="\.\/([^"]*)"/g), ([, path]) => path);
const modules = modulesFrom('app/main.js');

test('the first screen takes at most 25 modules and three style sheets', () => {
  const styles = references.filter((path) => path.endsWith('.css'));
  assert.ok(modules.size > 10, 'the imports are followed');
  assert.ok(modules.size <= FIRST_SCREEN_MODULES_MAX, `${modules.size} modules: ${[...modules].sort().join(', ')}`);
  assert.ok(styles.length <= FIRST_SCREEN_STYLES_MAX, `${styles.length} style sheets: ${styles.join(', ')}`);
});

test('the first screen takes at most 120 KB on the wire', () => {
  // Of the words only those of one language are loaded.
  const [words] = filesOf('app/words', '.js').sort((a, b) => gzipSync(textOf(b)).length - gzipSync(textOf(a)).length);
  const paths = ['index.html', words, ...new Set([...references, ...modules])];
  const sizes = paths.map((path) => ({ path, size: gzipSync(textOf(path), { level: 9 }).length }));
  const sum = sizes.reduce((total, { size }) => total + size, 0);
  const largest = sizes.sort((a, b) => b.size - a.size).map(({ path, size }) => `${path} ${size}`);
  assert.ok(sum <= FIRST_SCREEN_BYTES_MAX, `${sum} bytes: ${largest.join(', ')}`);
});
