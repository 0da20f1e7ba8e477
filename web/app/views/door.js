// @ts-check
// The front door, where one logs in or signs up. Loaded for who is not in, and once the page stands.
import { useState } from '../../vendor/hooks.js';
import { logIn, register } from '../actions.js';
import { ending, t, wordsOfError } from '../store.js';
import {
  Field, FormError, FormProblem, LanguageSelect, Mark, Submit, ThemeSelect, demand, html, lengthOf, useForm,
} from './kit.js';

const PASSWORD_BYTES_MAX = 72;

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

export function SignIn() {
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
