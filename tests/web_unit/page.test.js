// @ts-check
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { importsOf } from './tree.js';

const web = new URL('../../web/', import.meta.url);
const page = readFileSync(new URL('index.html', web), 'utf8');

/** All modules that the first screen needs, by their imports. @param {string} from @param {Set<string>} found */
function collect(from, found) {
  if (found.has(from)) return found;
  found.add(from);
  const url = new URL(from, web);
  for (const to of importsOf(readFileSync(url, 'utf8'))) {
    collect(`./${new URL(to, url).href.slice(web.href.length)}`, found);
  }
  return found;
}

test('the page preloads the modules of the first screen, all of them and no other', () => {
  const preloaded = [...page.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(([, href]) => href);
  const needed = [...collect('./app/main.js', new Set())].filter((file) => file !== './app/main.js');
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
