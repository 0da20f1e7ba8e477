// @ts-check
/** Hangul by its letters, so that a search finds a word while its last syllable is still being composed. */

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
