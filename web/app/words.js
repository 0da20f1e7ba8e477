// @ts-check
// The words of the interface, in the language that was chosen: only that one is loaded.
import { effect, signal } from '../vendor/signals.js';
import { preferences } from './store.js';

/** @typedef {string | {one: string, other: string}} Words */

/** Every language by its own name. */
export const languages = { en: 'English', ko: '한국어' };

const shown = signal({ language: 'en', table: /** @type {Record<string, Words>} */ ({}) });

/** @param {string} language */
async function load(language) {
  const { [language]: table } = await import(`./words/${language}.js`);
  if (preferences.peek().language === language) shown.value = { language, table };
}

/** Loads the words, and others whenever another language is chosen; where they do not come the ones before stay. */
export async function startWords() {
  const { language } = preferences.peek();
  await load(language);
  effect(() => {
    const { language: next } = preferences.value;
    if (next !== shown.peek().language) load(next).catch(() => {});
  });
}

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
  const { language, table } = shown.value;
  const words = table[key];
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
  const wait = Math.ceil((error?.retry_after_ms ?? 0) / 1000);
  if (error?.code === 'rate_limited' && wait > 1) return t('error.rate_limited_for', { count: wait });
  const key = `error.${error?.code}`;
  if (error?.code && shown.value.table[key]) return t(key);
  return error?.detail || t('error.unknown');
}
