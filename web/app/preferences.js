// @ts-check
// The language and the theme, which belong to the browser and not to an account.
import { preferences } from './store.js';

/** @typedef {import('./store.js').Preferences} Preferences */

const key = () => `madang:${new URL('.', document.baseURI).pathname}:preferences`;

export function startPreferences() {
  readPreferences();
  // Another tab has changed them.
  addEventListener('storage', (event) => {
    if (event.key === key()) readPreferences();
  });
}

function readPreferences() {
  /** @type {Preferences} */
  const next = { language: navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en', theme: 'system' };
  try {
    const kept = JSON.parse(localStorage.getItem(key()) ?? '{}');
    if (kept.language === 'en' || kept.language === 'ko') next.language = kept.language;
    if (kept.theme === 'light' || kept.theme === 'dark') next.theme = kept.theme;
  } catch {
    // Without localStorage each visit begins with what the browser says.
  }
  preferences.value = next;
}

/** @param {Partial<Preferences>} change */
function set(change) {
  preferences.value = { ...preferences.peek(), ...change };
  try {
    localStorage.setItem(key(), JSON.stringify(preferences.peek()));
  } catch {
    // It holds as long as the page is open.
  }
}

/** @param {'en'|'ko'} language */
export const setLanguage = (language) => set({ language });
/** @param {'system'|'light'|'dark'} theme */
export const setTheme = (theme) => set({ theme });
