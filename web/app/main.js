// @ts-check
// Starts the client. The root of what is seen: the front door, where one logs in or signs up, or the shell; and what is
// told in passing and in the tab's title.
import { useEffect, useState } from '../vendor/hooks.js';
import { h, options, render } from '../vendor/preact.js';
import { logIn, register, retryNow, start, startPlaces } from './actions.js';
import { startKeeping } from './disk.js';
import {
  channels,
  dismiss,
  ending,
  notices,
  phase,
  place,
  preferences,
  servers,
  startPreferences,
  startWords,
  t,
  unreadTotal,
  wordsOfError,
} from './store.js';
import {
  Field,
  FormError,
  FormProblem,
  Icon,
  IconButton,
  LanguageSelect,
  Submit,
  ThemeSelect,
  classes,
  copyText,
  demand,
  html,
  lengthOf,
  numberOf,
  useForm,
} from './views/kit.js';
import { Shell } from './views/shell.js';

const TOAST_MS = 7000;
const PASSWORD_BYTES_MAX = 72;
const ICONS = {
  plain: new URL('../favicon.svg', import.meta.url).href,
  unread: new URL('../favicon_unread.svg', import.meta.url).href,
};

function Mark() {
  return html`<span class="mark" aria-hidden="true"></span>`;
}

function LogIn() {
  const form = useForm(async (values) => {
    demand(values, ['username', 'password']);
    await logIn({ username: values.username.trim(), password: values.password });
  });
  return html`<form class="form" onSubmit=${form.onSubmit} novalidate>
    <${Field} name="username" label=${t('field.username')} form=${form} test="username"
      autocomplete="username" autocapitalize="off" spellcheck=${false} maxlength="64" autofocus />
    <${Field} name="password" type="password" label=${t('field.password')} form=${form} test="password"
      autocomplete="current-password" />
    <${FormProblem} form=${form} />
    <${Submit} form=${form} label=${t('login.submit')} test="login" />
  </form>`;
}

/** @param {Record<string, string>} values */
function checkRegistration(values) {
  demand(values, ['username', 'email', 'password']);
  /** @type {Record<string, string>} */
  const problems = {};
  const length = lengthOf(values.username.trim());
  if (length < 2 || length > 32 || /\s/.test(values.username.trim())) problems.username = t('rule.username');
  if (!/^\S+@\S+$/.test(values.email.trim())) problems.email = t('rule.email');
  const bytes = new TextEncoder().encode(values.password).length;
  if (lengthOf(values.password) < 8) problems.password = t('rule.password');
  else if (bytes > PASSWORD_BYTES_MAX) problems.password = t('rule.password_long');
  if (Object.keys(problems).length > 0) throw new FormError(problems);
}

function Register() {
  const form = useForm(async (values) => {
    checkRegistration(values);
    const username = values.username.trim();
    await register({ username, email: values.email.trim(), password: values.password });
  });
  return html`<form class="form" onSubmit=${form.onSubmit} novalidate>
    <${Field} name="username" label=${t('field.username')} hint=${t('rule.username')} form=${form} test="username"
      autocomplete="username" autocapitalize="off" spellcheck=${false} maxlength="64" autofocus />
    <${Field} name="email" type="email" label=${t('field.email')} hint=${t('register.email_hint')} form=${form}
      test="email"
      autocomplete="email" maxlength="254" />
    <${Field} name="password" type="password" label=${t('field.password')} hint=${t('rule.password')} form=${form}
      test="password"
      autocomplete="new-password" />
    <${FormProblem} form=${form} />
    <${Submit} form=${form} label=${t('register.submit')} test="register" />
  </form>`;
}

/** Says why one is here who was in. */
function Ending() {
  const how = ending.value;
  return how && html`<p role="alert" class=${how.code ? 'problem is-whole' : 'hint'} data-test="ending">
    ${how.word ? t(how.word) : wordsOfError(how)}</p>`;
}

function SignIn() {
  const [isNew, setNew] = useState(false);
  return html`<div class="door">
    <main class="door-card">
      <header class="door-head">
        <${Mark} />
        <h1>Madang</h1>
        <p>${t('door.welcome')}</p>
      </header>
      <${Ending} />
      <h2>${t(isNew ? 'register.title' : 'login.title')}</h2>
      ${isNew ? html`<${Register} key="register" />` : html`<${LogIn} key="login" />`}
      <p class="door-switch">
        ${t(isNew ? 'register.have_account' : 'login.no_account')}${' '}
        <button type="button" class="link" data-test=${isNew ? 'show-login' : 'show-register'}
          onClick=${() => setNew(!isNew)}>
          ${t(isNew ? 'login.title' : 'register.title')}
        </button>
      </p>
    </main>
    <footer class="door-foot"><${LanguageSelect} /><${ThemeSelect} /></footer>
  </div>`;
}

/** @param {{notice: import('./store.js').Notice}} props */
function Toast({ notice }) {
  const { word, count = 0, name = '', text } = notice;
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    // What somebody wrote is not to go before it has been copied.
    if (text) return undefined;
    const timer = setTimeout(() => dismiss(notice.key), TOAST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<div class=${classes('toast', `is-${notice.kind}`)} data-test="toast">
    <${Icon} name=${notice.kind === 'info' ? 'check' : 'alert'} />
    <p>${word ? t(word, { count, name }) : wordsOfError(notice)}</p>
    ${text && html`<button type="button" class="button is-small" data-test="copy-lost"
      onClick=${async () => setCopied(await copyText(text))}>${t(isCopied ? 'invite.copied' : 'notice.copy')}</button>`}
    <${IconButton} icon="close" label=${t('dialog.close')} onClick=${() => dismiss(notice.key)} />
  </div>`;
}

/** What is told in passing. */
function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${notices.value.map((notice) => html`<${Toast} key=${notice.key} notice=${notice} />`)}</div>`;
}

/** Says in the title and the icon of the tab where one is and how much is unread. */
function Title() {
  const total = unreadTotal.value;
  const channel = channels.value.get(place.value.channel_id ?? -1);
  const server = servers.value.get(place.value.server_id ?? -1);
  const where = [channel && `#${channel.name}`, server?.name, 'Madang'].filter(Boolean).join(' · ');
  useEffect(() => {
    document.title = total > 0 ? `(${numberOf(total)}) ${where}` : where;
  }, [total, where]);
  useEffect(() => {
    const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel~=icon]'));
    const icon = total > 0 ? ICONS.unread : ICONS.plain;
    if (link && link.href !== icon) link.href = icon;
  }, [total > 0]);
  return null;
}

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

function App() {
  useLooks();
  return html`<${SCREENS[phase.value]} /><${Toasts} /><${Title} />`;
}

// What comes at once is drawn at once: a burst of frames, as after a reconnection, would take a drawing each.
const drawing = new MessageChannel();
options.debounceRendering = (draw) => {
  drawing.port1.onmessage = () => draw();
  drawing.port2.postMessage(null);
};

const root = document.getElementById('app');
if (!root) throw new Error('the page has no #app');
startPreferences();
startKeeping();
startPlaces();
// The node is asked while the words come: one round trip less before anything is seen.
void start();
await startWords();
render(h(App, {}), root);
