// @ts-check
// The words of the interface, in the language that was chosen.
import { preferences } from './store.js';
import { en } from './words/en.js';
import { ko } from './words/ko.js';

/** @typedef {string | {one: string, other: string}} Words */

/** Every language by its own name. */
export const languages = { en: 'English', ko: '한국어' };

const TABLES = /** @type {Record<string, Record<string, Words>>} */ ({ en, ko });

/** @type {Map<string, Intl.PluralRules>} */
const plurals = new Map();
/** @type {Map<string, Intl.NumberFormat>} */
const numbers = new Map();

/**
 * @template T
 * @param {Map<string, T>} kept
 * @param {string} language
 * @param {(language: string) => T} make
 * @returns {T}
 */
function keep(kept, language, make) {
  let one = kept.get(language);
  if (!one) {
    one = make(language);
    kept.set(language, one);
  }
  return one;
}

/**
 * The words under a key. `{name}` in them is the value of that name; `count` chooses between one and several.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string} the key itself where there are none
 */
export function t(key, values = {}) {
  const { language } = preferences.value;
  const words = TABLES[language]?.[key] ?? en[key];
  if (words === undefined) return key;
  const rules = keep(plurals, language, (name) => new Intl.PluralRules(name));
  const form = rules.select(Number(values.count)) === 'one' ? 'one' : 'other';
  const text = typeof words === 'string' ? words : words[form];
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (typeof value === 'number') return keep(numbers, language, (tag) => new Intl.NumberFormat(tag)).format(value);
    return value ?? whole;
  });
}

/**
 * What went wrong, in a sentence: by its code, or as the server said it.
 * @param {any} error
 */
export function wordsOfError(error) {
  const { language } = preferences.value;
  const wait = Math.ceil((error?.retry_after_ms ?? 0) / 1000);
  if (error?.code === 'rate_limited' && wait > 1) return t('error.rate_limited_for', { count: wait });
  const key = `error.${error?.code}`;
  if (error?.code && (TABLES[language]?.[key] ?? en[key])) return t(key);
  return error?.detail || t('error.unknown');
}
