// @ts-check
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { modulesFrom } from './tree.js';

const web = new URL('../../web/', import.meta.url);
const page = readFileSync(new URL('index.html', web), 'utf8');

test('the page preloads the modules of the first screen, all of them and no other', () => {
  const preloaded = [...page.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(([, href]) => href);
  const needed = [...modulesFrom('app/main.js')].filter((path) => path !== 'app/main.js').map((path) => `./${path}`);
  assert.deepEqual(preloaded.sort(), needed.sort());
});

test('the page refers to its own files alone, and has no script or style in it', () => {
  const targets = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, target]) => target);
  for (const target of targets) {
    assert.match(target, /^\.\//);
    readFileSync(new URL(target, web));
  }
  assert.doesNotMatch(page, /<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
});
