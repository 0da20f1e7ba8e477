// @ts-check
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { en as enWords } from '../../web/app/words/en.js';
import { en as enErrors } from '../../web/app/words/errors/en.js';
import { ko as koErrors } from '../../web/app/words/errors/ko.js';
import { en as enDialogs } from '../../web/app/words/dialogs/en.js';
import { ko as koDialogs } from '../../web/app/words/dialogs/ko.js';
import { ko as koWords } from '../../web/app/words/ko.js';
import { filesOf, textOf } from './tree.js';

const en = { ...enWords, ...enErrors, ...enDialogs };
const ko = { ...koWords, ...koErrors, ...koDialogs };
const LANGUAGES = { en, ko };
const PLACEHOLDER = /\{(\w+)\}/g;

/** @param {string | Record<string, string>} words */
const formsOf = (words) => (typeof words === 'string' ? [words] : Object.values(words));

/** @param {string | Record<string, string>} words */
const placeholdersOf = (words) => {
  const names = formsOf(words).flatMap((form) => Array.from(form.matchAll(PLACEHOLDER), ([, name]) => name));
  return [...new Set(names)].sort();
};

test('both languages say the same things, with the same values in them', () => {
  assert.deepEqual(Object.keys(ko).sort(), Object.keys(en).sort());
  for (const [key, words] of Object.entries(en)) {
    assert.deepEqual(placeholdersOf(ko[key]), placeholdersOf(words), key);
  }
});

test('no words are empty, and the Korean ones are Korean', () => {
  for (const [language, table] of Object.entries(LANGUAGES)) {
    for (const [key, words] of Object.entries(table)) {
      for (const form of formsOf(words)) assert.equal(form.trim() !== '', true, `${language} ${key}`);
      if (typeof words !== 'string') assert.ok('other' in words, `${language} ${key} has words for any number`);
    }
  }
  const foreign = Object.entries(ko).filter(([, words]) => !formsOf(words).some((form) => /[가-힣]/.test(form)));
  const english = foreign.filter(([, words]) =>
    formsOf(words).some((form) => /[a-z]{3}/.test(form.replace(PLACEHOLDER, ''))),
  );
  assert.deepEqual(
    english.map(([key]) => key),
    [],
  );
});

test('every code of docs/ERRORS.md has words', () => {
  const text = readFileSync(new URL('../../docs/ERRORS.md', import.meta.url), 'utf8');
  const codes = Array.from(text.matchAll(/^\|(?: `\d{3}` \|)? `([a-z_]+)` \|/gm), ([, code]) => code).filter(
    (code) => code !== 'code',
  );
  assert.ok(codes.length > 60, `${codes.length} codes are found`);
  for (const [language, table] of Object.entries(LANGUAGES)) {
    assert.deepEqual(
      codes.filter((code) => !(`error.${code}` in table)),
      [],
      language,
    );
  }
});

test('every key that the code names is there, and no other', () => {
  const sources = filesOf('app', '.js').filter((path) => !path.startsWith('app/words/'));
  const code = sources.map(textOf).join('\n');
  const named = new Set(Array.from(code.matchAll(/\bt\(\s*'([^']+)'/g), ([, key]) => key));
  assert.deepEqual(
    [...named].filter((key) => !(key in en)),
    [],
  );
  // Keys may be put together (`emoji.${group}`) or stand in a table.
  const made = Array.from(code.matchAll(/`([a-z_.]*)\$\{[^}`]*\}([a-z_.]*)`/g), ([, before, after]) => ({
    before,
    after,
  }));
  const patterns = made.filter(({ before, after }) => `${before}${after}`.includes('.'));
  const isNamed = (/** @type {string} */ key) =>
    code.includes(`'${key}'`) || patterns.some(({ before, after }) => key.startsWith(before) && key.endsWith(after));
  assert.deepEqual(
    Object.keys(en).filter((key) => !isNamed(key)),
    [],
  );
});
