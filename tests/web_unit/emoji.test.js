// @ts-check
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';

import { lettersOf, loadEmoji, searchEmoji } from '../../web/app/text/emoji.js';
import { EMOJI, isOnlyEmoji } from '../../web/app/text/spans.js';

/** @type {string[]} */
let fetched = [];
let isAway = false;

beforeEach(() => {
  fetched = [];
  isAway = false;
  globalThis.fetch = async (url) => {
    fetched.push(String(url).split('/').slice(-2).join('/'));
    if (isAway) return new Response('', { status: 503 });
    return new Response(await readFile(new URL(String(url)), 'utf8'));
  };
});

/**
 * @param {'en' | 'ko'} language
 * @param {string} query
 */
const search = async (language, query) => searchEmoji(await loadEmoji(language), query).map(({ glyph }) => glyph);

test('the data is loaded when it is first asked for, and again after a failure', async () => {
  isAway = true;
  await assert.rejects(loadEmoji('en'), { code: 'unreachable' });
  isAway = false;
  const data = await loadEmoji('en');
  assert.equal(await loadEmoji('en'), data);
  assert.deepEqual(fetched.slice(2), ['emoji/en.json', 'emoji/ko.json']);
});

test('both languages have the same emoji, each with a name, and every one is found in a text as one', async () => {
  const [english, korean] = await Promise.all([loadEmoji('en'), loadEmoji('ko')]);
  const whole = new RegExp(`^(?:${EMOJI.source})$`, 'u');
  /** @param {typeof english} data */
  const glyphs = (data) => data.groups.map(({ key, emoji }) => [key, emoji.map(({ glyph }) => glyph)]);
  assert.deepEqual(glyphs(english), glyphs(korean));
  const all = korean.groups.flatMap(({ emoji }) => emoji);
  assert.ok(all.length > 1_900);
  for (const { glyph, name, tones } of all) {
    assert.ok(name, glyph);
    for (const each of [glyph, ...tones]) assert.match(each, whole);
  }
  assert.equal(new Set(all.flatMap(({ glyph, tones }) => [glyph, ...tones])).size, all.length + 5 * toned(all).length);
});

/** @param {{tones: string[]}[]} all */
const toned = (all) => all.filter(({ tones }) => tones.length);

test('people come in five tones of skin', async () => {
  const { groups } = await loadEmoji('en');
  const all = groups.flatMap(({ emoji }) => emoji);
  /** @param {string} glyph */
  const tones = (glyph) => all.find((each) => each.glyph === glyph)?.tones;
  assert.deepEqual(tones('👍'), ['👍🏻', '👍🏼', '👍🏽', '👍🏾', '👍🏿']);
  assert.equal(tones('☝️')?.[0], '☝🏻');
  assert.equal(tones('👩‍❤️‍👨')?.[4], '👩🏿‍❤️‍👨🏿');
  assert.equal(tones('🧑‍🤝‍🧑')?.[2], '🧑🏽‍🤝‍🧑🏽');
  assert.deepEqual(tones('❤️'), []);
});

test('of what fits about as well, what is used most comes first', async () => {
  assert.equal((await search('en', 'heart'))[0], '❤️');
  assert.equal((await search('ko', '하트'))[0], '❤️');
  assert.deepEqual(await search('en', 'thumbs'), ['👍', '👎']);
  assert.equal((await search('ko', '사랑'))[0], '❤️');
  assert.equal((await search('en', 'firefighter'))[0], '🧑‍🚒', 'what is named so goes before');
});

test('a search finds names and tags of both languages, the closest first', async () => {
  assert.equal((await search('en', 'red heart'))[0], '❤️');
  assert.equal((await search('ko', '빨간색 하트'))[0], '❤️');
  assert.equal((await search('en', ':Pizza:'))[0], '🍕');
  assert.equal((await search('ko', 'pizza'))[0], '🍕');
  assert.equal((await search('en', '피자'))[0], '🍕');
  assert.ok((await search('ko', '좋아')).includes('👍'));
  assert.deepEqual((await search('en', '👍')).slice(0, 1), ['👍']);
  assert.deepEqual((await search('en', '😿')).slice(0, 1), ['😿']);
  const dogs = await search('en', 'dog');
  assert.ok(dogs.indexOf('🐶') < dogs.indexOf('🌭'), 'the beginning of a name goes before a part of it');
  assert.deepEqual(await search('en', ' '), []);
  assert.deepEqual(await search('en', 'no emoji is called so'), []);
  assert.equal((await search('en', 'a')).length, 96);
});

test('Hangul is found while it is being composed', async () => {
  const wished = await search('ko', '하트');
  for (const query of ['ㅎ', '하', '핱']) assert.ok((await search('ko', query)).length, query);
  assert.ok((await search('ko', '빨간색 핱')).includes('❤️'));
  assert.ok(wished.includes('❤️'));
  assert.equal(lettersOf('값Á한글'), 'ㄱㅏㅂㅅáㅎㅏㄴㄱㅡㄹ');
  assert.ok(lettersOf('하트').startsWith(lettersOf('핱')));
  assert.ok(lettersOf('과자').startsWith(lettersOf('과')));
});

test('a text of up to 27 emoji is nothing else', () => {
  for (const text of ['👍', ' 👍🏽 ❤️\n', '👨‍👩‍👧‍👦🇰🇷1️⃣', '😀'.repeat(27)]) assert.equal(isOnlyEmoji(text), true, text);
  for (const text of ['', ' ', '1', '❤', '👍a', ':)', '가', '😀'.repeat(28), '🇰']) {
    assert.equal(isOnlyEmoji(text), false, text);
  }
});
