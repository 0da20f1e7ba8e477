// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parse, textOf } from '../../web/app/text/markdown.js';

/** @typedef {import('../../web/app/text/markdown.js').Node} Node */

/**
 * @param {string} type
 * @param {any[]} children
 * @returns {any}
 */
const node = (type, ...children) => ({ type, children });
const newline = { type: 'break' };
/**
 * @param {string} url
 * @param {Node[]} label
 */
const link = (url, ...label) => ({ type: 'link', href: new URL(url).href, children: label.length ? label : [url] });
/**
 * @param {string} text
 * @param {unknown[]} nodes
 */
const gives = (text, ...nodes) => assert.deepEqual(parse(text), nodes, text);

test('spans of each kind, within one another and beside Korean', () => {
  gives('**굵게**는 *기울임*이', node('bold', '굵게'), '는 ', node('italic', '기울임'), '이');
  gives('**굵게(강조)**는', node('bold', '굵게(강조)'), '는');
  gives('_기울임_은 __밑줄__과', node('italic', '기울임'), '은 ', node('underline', '밑줄'), '과');
  gives('~~지움~~과 || 숨김 ||을', node('strike', '지움'), '과 ', node('spoiler', ' 숨김 '), '을');
  gives('**a *b ~~c~~***', node('bold', 'a ', node('italic', 'b ', node('strike', 'c'))));
  gives('***a** b* ***c* d**', node('italic', node('bold', 'a'), ' b'), ' ', node('bold', node('italic', 'c'), ' d'));
  gives('*a\nb*', node('italic', 'a', newline, 'b'));
});

test('markers without their other half are text', () => {
  for (const text of [
    '2 * 3 * 4',
    '2 ** 3 ** 4',
    '**a',
    'a**',
    '****',
    '||||',
    '~a~',
    'snake_case_name',
    '`a',
    '[a](b',
    '|a|',
  ]) {
    gives(text, text);
  }
  gives('**a *b**', node('bold', 'a *b'));
  gives('|||a|||', node('spoiler', '|a|'));
});

test('faces and drawls are text', () => {
  for (const text of [
    'ㅠ_ㅠ 왜 ㅠ_ㅠ',
    '^_^ 안녕 ^_^',
    '-_- -__- >_<',
    '네~~ 반가워요~~',
    '네~~반가워요~~~',
    'ㅇ_ㅇ?',
    '10~20, 30~~40~~',
  ]) {
    gives(text, text);
  }
  gives('^_^ _기울임_은 (_a_)', '^_^ ', node('italic', '기울임'), '은 (', node('italic', 'a'), ')');
  gives('네~~ ~~아니요~~', '네~~ ', node('strike', '아니요'));
});

test('code is taken as it is, and a fence has its language', () => {
  gives('`**a**` ``b ` c`` `` ` ``', { type: 'code', text: '**a**' }, ' ', { type: 'code', text: 'b ` c' }, ' ', {
    type: 'code',
    text: '`',
  });
  gives('`a\nb`', '`a', newline, 'b`');
  gives('```js\n# a\n> b\n```\nc', { type: 'fence', language: 'js', text: '# a\n> b' }, 'c');
  gives('a\n```\n\n  b\n```', 'a', { type: 'fence', language: '', text: '\n  b' });
  gives('```a b``` c', { type: 'fence', language: '', text: 'a b' }, ' c');
  gives('```js```', { type: 'fence', language: '', text: 'js' });
  gives('````\n```\n````', { type: 'fence', language: '', text: '```' });
  gives('```js\na', '```js', newline, 'a');
  gives('||```a```||', node('spoiler', { type: 'fence', language: '', text: 'a' }));
});

test('headings and quotes', () => {
  gives(
    '# 제목 **b**\n## c\nd',
    { type: 'heading', level: 1, children: ['제목 ', node('bold', 'b')] },
    {
      type: 'heading',
      level: 2,
      children: ['c'],
    },
    'd',
  );
  gives('#a\n#### b\n\\# c', '#a', newline, '#### b', newline, '# c');
  gives('> a\n>\n> **b\n> c**\nd', node('quote', 'a', newline, newline, node('bold', 'b', newline, 'c')), 'd');
  gives('a\n>>> b\n> c', 'a', node('quote', 'b', newline, '> c'));
  gives('>a', '>a');
  gives('> ```\n> a\n> ```\nb', node('quote', { type: 'fence', language: '', text: 'a' }), 'b');
});

test('lists, with lists in their items', () => {
  /**
   * @param {boolean} ordered
   * @param {object[]} children
   */
  const list = (ordered, ...children) => ({ type: 'list', ordered, children });
  /**
   * @param {number} number
   * @param {Node[]} children
   */
  const numbered = (number, ...children) => ({ type: 'item', number, children });
  gives('a\n- b\n* c', 'a', list(false, node('item', 'b'), node('item', 'c')));
  gives('3. a\n4. b\nc', list(true, numbered(3, 'a'), numbered(4, 'b')), 'c');
  gives(
    '- a\n  - b\n    1. c\n- d',
    list(false, node('item', 'a', list(false, node('item', 'b', list(true, numbered(1, 'c'))))), node('item', 'd')),
  );
  gives('- a\n  b\n- c', list(false, node('item', 'a', newline, 'b'), node('item', 'c')));
  gives('- a\n1. b', list(false, node('item', 'a')), list(true, numbered(1, 'b')));
  gives(
    '- ```\n  a\n```\n- b',
    list(false, node('item', { type: 'fence', language: '', text: '  a' }), node('item', 'b')),
  );
  gives('2026. 11. 29. 회의', '2026. 11. 29. 회의');
  gives('-a\n1.b', '-a', newline, '1.b');
});

test('links end where their URL does', () => {
  gives(
    '(https://en.wikipedia.org/wiki/A_(b)), https://a.b/c.',
    '(',
    link('https://en.wikipedia.org/wiki/A_(b)'),
    '), ',
    link('https://a.b/c'),
    '.',
  );
  gives(
    'https://example.com을 http://127.0.0.1:8000에서',
    link('https://example.com'),
    '을 ',
    link('http://127.0.0.1:8000'),
    '에서',
  );
  gives('https://한글.kr/길 https://a.b/위키/한국', link('https://한글.kr/길'), ' ', link('https://a.b/위키/한국'));
  gives(
    '**https://a.b/c**는 ||https://a.b||',
    node('bold', link('https://a.b/c')),
    '는 ',
    node('spoiler', link('https://a.b')),
  );
  gives(
    '_https://a.b/c_d_은 https://a.b/c_d_',
    node('italic', link('https://a.b/c_d')),
    '은 ',
    link('https://a.b/c_d_'),
  );
  gives('“https://a.b/c” https://a.b/c。', '“', link('https://a.b/c'), '” ', link('https://a.b/c'), '。');
  gives(
    '<https://a.b/c.> mailto:a@b.c http://[::1]:80/',
    link('https://a.b/c.', 'https://a.b/c.'),
    ' ',
    link('mailto:a@b.c'),
    ' ',
    link('http://[::1]:80/'),
  );
  gives(
    '[a **b**](https://a.b/(c)) [d](<https://a.b>)',
    link('https://a.b/(c)', 'a ', node('bold', 'b')),
    ' ',
    link('https://a.b', 'd'),
  );
  gives('[[1]](https://a.b)', link('https://a.b', '[1]'));
});

test('other schemes are text, and so are labels that show another link', () => {
  for (const text of [
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](data:text/html,b)',
    '[a](//b.c)',
    '[a](/b)',
    '[a]( b)',
    '[a]()',
    'javascript:alert(1)',
    'vbscript:a',
    'file:///etc/passwd',
    'ftp://a.b',
    'http://',
    'https:///',
    'mailto:',
    'mailto:a',
    'xhttp://a.b',
    '<javascript:alert(1)>',
    '[](https//a.b)',
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '&lt;b&gt;',
  ]) {
    gives(text, text);
  }
  gives('[https://a.b](https://c.d)', '[', link('https://a.b'), '](', link('https://c.d'), ')');
  gives('[](https://a.b)', '[](', link('https://a.b'), ')');
});

test('mentions and emoji', () => {
  gives('<@7>님 <@!8>', { type: 'mention', user_id: 7, text: '<@7>' }, '님 ', {
    type: 'mention',
    user_id: 8,
    text: '<@!8>',
  });
  gives('<@> <@a> <@9999999999999999>', '<@> <@a> <@9999999999999999>');
  for (const glyph of ['👍', '👍🏽', '❤️', '👨‍👩‍👧‍👦', '🇰🇷', '1️⃣', '*️⃣', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '👁️‍🗨️']) {
    gives(`a${glyph}b`, 'a', { type: 'emoji', text: glyph }, 'b');
  }
  gives('© ™ ❤ 1 # 🇰', '© ™ ❤ 1 # 🇰');
});

test('a backslash takes the meaning from punctuation', () => {
  gives('\\*a\\* \\`b\\` \\<@7> \\[c](d) \\\\', '*a* `b` <@7> [c](d) \\');
  gives('\\a \\가 \\', '\\a \\가 \\');
  gives('¯\\_(ツ)_/¯', '¯\\_(ツ)_/¯');
});

test('the text of a tree has each block on its own line, and names for mentions', () => {
  assert.equal(
    textOf(parse('# a\nb\n- c\n- d\n> e\n```js\nf\n```\ng `h` [i](https://j.k) <@7>')),
    'a\nb\nc\nd\ne\nf\ng h i <@7>',
  );
  assert.equal(
    textOf(parse('**<@7>**님'), (id) => `@사람${id}`),
    '@사람7님',
  );
});
