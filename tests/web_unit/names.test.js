// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitOfName, wishOf } from '../../web/app/text/names.js';

/** @param {string[]} names @param {string} query */
const found = (names, query) =>
  names
    .map((name) => ({ name, fit: fitOfName(name, wishOf(query)) }))
    .filter(({ fit }) => fit >= 0)
    .sort((a, b) => b.fit - a.fit)
    .map(({ name }) => name);

test('the beginning of a name goes before that of a word, and that before any other part', () => {
  assert.deepEqual(found(['ungeneral', 'in general', 'General', 'music'], 'gen'), ['General', 'in general', 'ungeneral']);
  assert.deepEqual(found(['ｗｉｄｅ', 'Ｎａｒｒｏｗ'], 'narrow'), ['Ｎａｒｒｏｗ']);
});

test('a word is found while its last syllable is still being composed, however it is encoded', () => {
  for (const query of ['바두', '바둑', '바둑'.normalize('NFD')]) assert.deepEqual(found(['바둑이', '바다'], query), ['바둑이']);
});

test('consonants alone stand for the syllables that begin with them', () => {
  const names = ['바둑이', '작은 바다', '까치', '값', 'general'];
  assert.deepEqual(found(names, 'ㅂㄷ'), ['바둑이', '작은 바다']);
  assert.deepEqual(found(names, 'ㅂㄷㅇ'), ['바둑이']);
  assert.deepEqual(found(names, 'ㅈㅇ ㅂㄷ'), ['작은 바다']);
  assert.deepEqual(found(names, 'ㄲㅊ'), ['까치']);
  assert.deepEqual(found(names, 'ㄷㅂ'), []);
});

test('consonants that a keyboard joins are meant one by one', () => {
  assert.deepEqual(found(['감사', '가을'], 'ㄳ'), ['감사']);
  assert.deepEqual(found(['보스', '바다'], 'ㅄ'), ['보스']);
  assert.deepEqual(found(['라흐', '로마'], 'ㅀ'), ['라흐']);
});
