// @ts-check
// The root of what is seen.
import { useEffect } from '../../vendor/hooks.js';
import { retryNow } from '../actions.js';
import { phase, preferences } from '../store.js';
import { t } from '../words.js';
import { html } from './kit.js';
import { Shell, Toasts } from './shell.js';
import { Mark, SignIn } from './sign_in.js';

/** The language and the theme, said to the browser. */
function useLooks() {
  const { language, theme } = preferences.value;
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dataset.theme = theme;
  }, [language, theme]);
}

function Starting() {
  return html`<main class="door is-starting" aria-busy="true"><${Mark} /><h1 class="hidden-text">Madang</h1><p
    class="hint" role="status">${t('loading')}</p></main>`;
}

function Unreachable() {
  return html`<main class="door"><div class="door-card">
    <header class="door-head"><${Mark} /><h1>${t('unreachable.title')}</h1><p>${t('unreachable.text')}</p></header>
    <button type="button" class="button is-primary" onClick=${retryNow}>${t('again')}</button>
  </div></main>`;
}

const SCREENS = { starting: Starting, signed_out: SignIn, in: Shell, unreachable: Unreachable };

export function App() {
  useLooks();
  return html`<${SCREENS[phase.value]} /><${Toasts} />`;
}
