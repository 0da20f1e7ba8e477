// @ts-check
/** All emoji with their names, for the picker, and the search among them: loaded on first use. */

/**
 * @typedef {{glyph: string, name: string, otherName: string, tags: string[], tones: string[]}} Emoji
 * @typedef {{key: string, name: string, emoji: Emoji[]}} EmojiGroup
 * @typedef {{groups: EmojiGroup[]}} EmojiData
 *
 * Rows as web/vendor/update writes them.
 * @typedef {[glyph: string, name: string, tags: string, hasTones?: number]} Row
 * @typedef {[key: string, name: string, emoji: Row[]][]} Rows
 */

const LANGUAGES = /** @type {const} */ (['en', 'ko']);
const FOUND_MAX = 96;
const TONES = ['\u{1F3FB}', '\u{1F3FC}', '\u{1F3FD}', '\u{1F3FE}', '\u{1F3FF}'];

/** What is used most everywhere, in that order: a word is rather meant for one of these. */
const OFTEN = new Map(
  '👍|❤️|😂|😭|🙏|🎉|😊|🔥|👏|😍|👀|💯|😮|😢|🥰|🤔|😅|👋|🙌|✅|✨|⭐|😎|🤣|👌|💪|💔|🥳|☕'.split('|').map((glyph, at) => [glyph, at]),
);
/** So many steps of fitting are what it counts. */
const OFTEN_STEPS = 3;

/** @type {Map<string, Promise<EmojiData>>} */
const loaded = new Map();
/** @type {WeakMap<Emoji, {name: string, otherName: string, tags: string[]}>} */
const keys = new WeakMap();

/**
 * All emoji by group, with names in this language first; their tags are of both languages. They are loaded once; after
 * a failure, again.
 * @param {'en' | 'ko'} language
 * @returns {Promise<EmojiData>}
 */
export function loadEmoji(language) {
  let data = loaded.get(language);
  if (!data) {
    data = Promise.all(LANGUAGES.map(loadRows)).then((rows) => {
      const own = LANGUAGES.indexOf(language);
      return merge(rows[own], rows[1 - own]);
    });
    loaded.set(language, data);
    data.catch(() => loaded.delete(language));
  }
  return data;
}

/**
 * @param {string} language
 * @returns {Promise<Rows>}
 */
async function loadRows(language) {
  try {
    const response = await fetch(new URL(`../../emoji/${language}.json`, import.meta.url));
    if (response.ok) return await response.json();
    throw new Error(`${response.url} answered ${response.status}`);
  } catch (cause) {
    throw Object.assign(new Error('the emoji cannot be loaded', { cause }), { code: 'unreachable' });
  }
}

/**
 * @param {Rows} own
 * @param {Rows} other rows with the same emoji in the same order
 * @returns {EmojiData}
 */
function merge(own, other) {
  const groups = own.map(([key, name, rows], group) => ({
    key,
    name,
    emoji: rows.map(([glyph, label, tags, hasTones], index) => {
      const [, otherName, otherTags] = other[group][2][index];
      const all = [...tags.split('|'), ...otherTags.split('|')].filter(Boolean);
      return { glyph, name: label, otherName, tags: all, tones: hasTones ? tonesOf(glyph) : [] };
    }),
  }));
  return { groups };
}

/**
 * The emoji in five tones of skin, from light to dark. Joined hands have none of their own.
 * @param {string} glyph
 */
function tonesOf(glyph) {
  return TONES.map((tone) => glyph.replace(/(?!\u{1F91D}\u200D)(\p{Emoji_Modifier_Base})\uFE0F?/gu, `$1${tone}`));
}

/**
 * The emoji that fit best, at most 96: first by name, then by tag; the whole before its beginning before a part of it;
 * and what is used most a step earlier.
 * @param {EmojiData} data
 * @param {string} query
 * @returns {Emoji[]}
 */
export function searchEmoji(data, query) {
  const wish = lettersOf(query.trim().replace(/^:|:$/g, ''));
  if (!wish) return [];
  /** @type {{emoji: Emoji, rank: number}[]} */
  const found = [];
  for (const { emoji } of data.groups) {
    for (const each of emoji) {
      const rank = each.glyph === query.trim() ? 0 : rankOf(each, wish);
      const often = OFTEN.get(each.glyph);
      if (rank < Infinity) found.push({ emoji: each, rank: often === undefined ? rank : rank - OFTEN_STEPS });
    }
  }
  const oftenOf = (/** @type {Emoji} */ { glyph }) => OFTEN.get(glyph) ?? OFTEN.size;
  found.sort((a, b) => a.rank - b.rank || oftenOf(a.emoji) - oftenOf(b.emoji));
  return found.slice(0, FOUND_MAX).map(({ emoji }) => emoji);
}

/**
 * How well an emoji fits; less is better.
 * @param {Emoji} emoji
 * @param {string} wish
 */
function rankOf(emoji, wish) {
  let key = keys.get(emoji);
  if (!key) {
    key = { name: lettersOf(emoji.name), otherName: lettersOf(emoji.otherName), tags: emoji.tags.map(lettersOf) };
    keys.set(emoji, key);
  }
  const tagFit = Math.min(...key.tags.map((tag) => fitOf(tag, wish)));
  return Math.min(fitOf(key.name, wish) * 3, fitOf(key.otherName, wish) * 3 + 1, tagFit * 3 + 2);
}

/**
 * @param {string} text
 * @param {string} wish
 */
function fitOf(text, wish) {
  const at = text.indexOf(wish);
  if (at < 0) return Infinity;
  if (at > 0) return text.includes(` ${wish}`) ? 2 : 3;
  return text.length === wish.length ? 0 : 1;
}

// Hangul by its letters, so that a search finds a word while its last syllable is still being composed.

const INITIALS = [...'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'];
const VOWELS = [...'ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ'];
const FINALS =
  ' ㄱ ㄲ ㄱㅅ ㄴ ㄴㅈ ㄴㅎ ㄷ ㄹ ㄹㄱ ㄹㅁ ㄹㅂ ㄹㅅ ㄹㅌ ㄹㅍ ㄹㅎ ㅁ ㅂ ㅂㅅ ㅅ ㅆ ㅇ ㅈ ㅊ ㅋ ㅌ ㅍ ㅎ'.split(' ');
const FIRST = 0xac00;

/**
 * The text in lower case with each syllable written out as letters: `핱` and the beginning of `하트` are the same.
 * @param {string} text
 */
export function lettersOf(text) {
  return text
    .normalize('NFC')
    .toLowerCase()
    .replace(/[가-힣]/g, (syllable) => {
      const code = syllable.charCodeAt(0) - FIRST;
      const vowel = Math.floor(code / FINALS.length) % VOWELS.length;
      const initial = Math.floor(code / FINALS.length / VOWELS.length);
      return INITIALS[initial] + VOWELS[vowel] + FINALS[code % FINALS.length];
    });
}
