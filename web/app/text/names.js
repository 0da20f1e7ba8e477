// @ts-check
/** How well the names of channels, servers and people fit what somebody looks for. Pure. */

/** Consonants that a keyboard joins where no vowel comes between, as they were typed. */
const JOINED = /** @type {Record<string, string>} */ ({
  ㄳ: 'ㄱㅅ', ㄵ: 'ㄴㅈ', ㄶ: 'ㄴㅎ', ㄺ: 'ㄹㄱ', ㄻ: 'ㄹㅁ', ㄼ: 'ㄹㅂ', ㄽ: 'ㄹㅅ', ㄾ: 'ㄹㅌ', ㄿ: 'ㄹㅍ', ㅀ: 'ㄹㅎ', ㅄ: 'ㅂㅅ',
});

/** Text as it is compared: case, width and how Hangul is composed make no difference. @param {string} text */
const plain = (text) => text.normalize('NFKD').toLocaleLowerCase();

/** Without the vowels and the final consonants of its syllables. @param {string} text as it is compared */
const initialsOf = (text) => text.replace(/[\u1160-\u11ff]/g, '');

/** What somebody looks for, as it is compared. @param {string} query */
export const wishOf = (query) => plain(query.trim().replace(/[ㄳ-ㅄ]/g, (letter) => JOINED[letter] ?? letter));

/** @param {string} name as it is compared @param {string} wish */
function fitOf(name, wish) {
  const at = name.indexOf(wish);
  if (at < 0) return -1;
  if (at === 0) return 30;
  return /[\s_.-]/.test(name[at - 1]) ? 20 : 10;
}

/**
 * How well a name fits: its beginning best, then the beginning of a word, then anywhere; less than zero where it does
 * not. Consonants alone stand for the syllables that begin with them: ㅂㄷ for 바둑.
 * @param {string} name
 * @param {string} wish from `wishOf`
 */
export function fitOfName(name, wish) {
  const fit = fitOf(plain(name), wish);
  return /^[\u1100-\u115e\s]+$/.test(wish) ? Math.max(fit, fitOf(initialsOf(plain(name)), wish)) : fit;
}
