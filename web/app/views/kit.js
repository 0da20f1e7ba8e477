// @ts-check
// What all views are made of: elements, icons, avatars, names, times, forms.
import { useEffect, useId, useRef, useState } from '../../vendor/hooks.js';
import htm from '../../vendor/htm.js';
import { h } from '../../vendor/preact.js';
import { setLanguage, setTheme } from '../disk.js';
import { colorOf, readable } from '../roles.js';
import { languages, me, people, preferences, roles, standingOf, t, wordsOfError } from '../store.js';

/** Makes elements of a template: the one way in which views write them. */
export const html = htm.bind(h);

/**
 * An icon drawn by the style sheet, in the colour of the text around it.
 * @param {{name: string}} props
 */
export function Icon({ name }) {
  return html`<span class="icon icon-${name}" aria-hidden="true"></span>`;
}

/** The mark of the whole. */
export function Mark() {
  return html`<span class="mark" aria-hidden="true"></span>`;
}

/**
 * A button that shows an icon alone; its label is its name and its hint.
 * @param {Record<string, any>} props
 */
export function IconButton({ icon, label, class: extra = '', ...rest }) {
  return html`<button type="button" class="icon-button ${extra}" aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} />
  </button>`;
}

/**
 * Joins the names of classes, leaving out what is false.
 * @param {...(string | false | null | undefined)} names
 */
export function classes(...names) {
  return names.filter(Boolean).join(' ');
}

/** @param {string} text the first letter a person sees in it */
function initialOf(text) {
  const [first] = text.trim();
  return (first ?? '?').toLocaleUpperCase();
}

/**
 * The first letter of a name on a colour that stays with the id. Pictures from elsewhere are not asked for: the page
 * calls no other host.
 * @param {{id: number | null | undefined, name: string, size?: 'small' | 'large' | 'square'}} props
 */
export function Avatar({ id, name, size }) {
  const tone = id ? `tone-${id % 8}` : 'tone-none';
  return html`<span class=${classes('avatar', tone, size && `is-${size}`)} aria-hidden="true">${initialOf(name)}
    </span>`;
}

/** @param {{display_name?: string | null, username: string}} person */
export function personName(person) {
  return person.display_name || person.username;
}

/**
 * What somebody is called here; who has erased the account is called so in the reader's language.
 * @param {number | null | undefined} userId
 * @param {string} [username] as it came with the message
 */
export function nameOf(userId, username) {
  const own = me.value;
  if (own && own.id === userId) return personName(own);
  const person = userId ? people.value.get(userId) : undefined;
  if (person) return personName(person);
  return userId && username ? username : t('person.deleted');
}

/**
 * The color of a name: of the highest role that has one, so that it can be read in either theme.
 * @param {number | null | undefined} userId @param {number | undefined} serverId
 */
export function colored(userId, serverId) {
  const all = roles.value.get(serverId ?? -1);
  const color = all && userId ? colorOf(all, standingOf(serverId ?? -1, userId)) : null;
  if (!color) return {};
  return { 'data-colored': '', style: { '--by-day': readable(color, 'light'), '--by-night': readable(color, 'dark') } };
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {Intl.DateTimeFormatOptions} options
 */
function formatOf(options) {
  const { language } = preferences.value;
  const key = language + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(language, options);
    formats.set(key, format);
  }
  return format;
}

/** @param {string | number} at */
function timeOf(at) {
  return formatOf({ timeStyle: 'short' }).format(new Date(at));
}

/** The time without "AM": where there is little room, and the messages around it say more. @param {string} at */
function clockOf(at) {
  const parts = formatOf({ timeStyle: 'short' }).formatToParts(new Date(at));
  return parts.filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim();
}

/** @param {string | number} at */
export function dayOf(at) {
  return formatOf({ dateStyle: 'full' }).format(new Date(at));
}

/** @param {string | number} at */
export function momentOf(at) {
  return formatOf({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
}

/** @param {string | number} at */
function wholeMomentOf(at) {
  return formatOf({ dateStyle: 'full', timeStyle: 'medium' }).format(new Date(at));
}

/**
 * A time in the reader's own zone, with all of it as a hint.
 * @param {{at: string, style?: 'time' | 'clock' | 'moment'}} props
 */
export function Time({ at, style = 'time' }) {
  const say = { time: timeOf, clock: clockOf, moment: momentOf }[style];
  return html`<time datetime=${at} title=${wholeMomentOf(at)}>${say(at)}</time>`;
}

/** @param {number} count */
export function numberOf(count) {
  return new Intl.NumberFormat(preferences.value.language).format(count);
}

/** @param {number} count */
export function shortNumberOf(count) {
  return count > 99 ? '99+' : numberOf(count);
}

/**
 * Copies a text, also where a page has no clipboard of its own: without TLS, or because it is not allowed.
 * @param {string} text @returns {Promise<boolean>} whether the browser let it
 */
export async function copyText(text) {
  const isTaken = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (isTaken) return true;
  const box = document.createElement('textarea');
  box.className = 'hidden-text';
  box.value = text;
  const { activeElement } = document;
  (document.querySelector('dialog[open]') ?? document.body).append(box);
  box.select();
  const isDone = document.execCommand('copy');
  box.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus({ preventScroll: true });
  return isDone;
}

/** How many characters the server counts in a text: those of Unicode, not JavaScript's units. @param {string} text */
export function lengthOf(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/**
 * Moves the focus among the elements of a list by arrow keys, Home and End: one of them is in the order of Tab.
 * @param {KeyboardEvent} event
 * @param {string} selector
 * @param {number} [columns] of a grid
 */
export function roveFocus(event, selector, columns = 1) {
  const steps = { ArrowDown: columns, ArrowUp: -columns, ...(columns > 1 && { ArrowRight: 1, ArrowLeft: -1 }) };
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]);
  const now = all.findIndex((element) => element.contains(document.activeElement));
  if (now < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  let next = now;
  if (event.key in steps) next = now + /** @type {Record<string, number>} */ (steps)[event.key];
  else if (event.key === 'Home') next = 0;
  else if (event.key === 'End') next = all.length - 1;
  else return;
  event.preventDefault();
  all[Math.min(Math.max(next, 0), all.length - 1)].focus();
}

/** Loads a style sheet that the first screen does without. @param {URL} url */
export function loadStyle({ href }) {
  return new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload: resolve });
    link.onerror = () => {
      link.remove();
      reject(Object.assign(new Error(`${href} cannot be loaded`), { code: 'unreachable' }));
    };
    document.head.append(link);
  });
}

// Forms: what is wrong with a field is said at the field, in the reader's language; nothing that was typed is lost.

/** @typedef {Record<string, string>} Problems the field's name → what is wrong with it */
/** @typedef {{isBusy: boolean, problems: Problems, problem: string | null, onSubmit: (event: any) => void}} Form */

/** @type {{problems: Problems, problem: string | null}} */
const NO_FAILURE = { problems: {}, problem: null };

/** A mistake that is found before anything is sent. */
export class FormError extends Error {
  /** @param {Problems} problems */
  constructor(problems) {
    super('The form is not complete');
    this.problems = problems;
  }
}

/** The rules of the fields, in the words of the interface: the server's are English. */
const RULES = new Set([
  'username', 'email', 'password', 'display_name', 'bio', 'avatar_url', 'icon_url', 'name', 'description',
  'reason',
]);

/** Codes that are about one field. */
const FIELD_OF_CODE = /** @type {Record<string, string>} */ ({
  username_taken: 'username',
  email_taken: 'email',
  wrong_password: 'current_password',
  current_password_required: 'current_password',
});

/**
 * @param {string} name
 * @param {string} msg
 */
function wordsOfField(name, msg) {
  if (/too easily guessed/.test(msg)) return t('rule.password_guessed');
  if (name === 'password' && /bytes/.test(msg)) return t('rule.password_long');
  if (/reserved/.test(msg)) return t('rule.username_reserved');
  return RULES.has(name) ? t(`rule.${name}`) : msg;
}

/**
 * @param {any} error
 * @param {Set<string>} names the fields that the form has
 * @returns {{problems: Problems, problem: string | null}}
 */
function problemsOf(error, names) {
  if (error instanceof FormError) return { problems: error.problems, problem: null };
  /** @type {Problems} */
  const problems = {};
  for (const { loc, msg } of error.fields ?? []) {
    const name = String(loc[loc.length - 1]);
    if (names.has(name)) problems[name] ??= wordsOfField(name, msg);
  }
  if (Object.keys(problems).length > 0) return { problems, problem: null };
  const field = FIELD_OF_CODE[error.code] ?? '';
  const name = names.has(field) ? field : field === 'current_password' && names.has('password') ? 'password' : null;
  if (name) return { problems: { [name]: wordsOfError(error) }, problem: null };
  return { problems: {}, problem: wordsOfError(error) };
}

/**
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<any>} send
 * @returns {Form}
 */
export function useForm(send) {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState(NO_FAILURE);
  const isSending = useRef(false);

  /** @param {any} event */
  async function onSubmit(event) {
    event.preventDefault();
    if (isSending.current) return;
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const values = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
    isSending.current = true;
    setBusy(true);
    setFailure(NO_FAILURE);
    try {
      await send(values, form);
    } catch (error) {
      const found = problemsOf(error, new Set(Object.keys(values)));
      setFailure(found);
      const [first] = Object.keys(found.problems);
      const field = first ? form.elements.namedItem(first) : null;
      if (field instanceof HTMLElement) field.focus();
    } finally {
      isSending.current = false;
      setBusy(false);
    }
  }
  return { isBusy, ...failure, onSubmit };
}

/**
 * A field with its label, what it asks for and what is wrong with it.
 * @param {Record<string, any>} props
 */
export function Field({ name, label, hint, form, test, type = 'text', rows, children, ...rest }) {
  const id = useId();
  const input = useRef(/** @type {HTMLElement | null} */ (null));
  // Browsers heed `autofocus` once a page, and in dialogs that open.
  useEffect(() => {
    const isWanted = rest.autofocus && document.activeElement !== input.current;
    if (isWanted && !matchMedia('(pointer: coarse)').matches) input.current?.focus();
  }, []);
  const problem = form?.problems[name];
  const described = [hint && hint !== problem && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ');
  const own = {
    ref: input,
    id,
    name,
    'data-test': test,
    'aria-invalid': problem ? 'true' : undefined,
    'aria-describedby': described || undefined,
    ...rest,
  };
  const box = rows ? html`<textarea rows=${rows} ...${own}></textarea>` : html`<input type=${type} ...${own} />`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${type === 'password' ? html`<${PasswordInput} own=${own} />` : box}
    ${hint && hint !== problem && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${problem && html`<p class="problem" id="${id}-problem">${problem}</p>`}
    ${children}
  </div>`;
}

/** @param {{own: Record<string, any>}} props */
function PasswordInput({ own }) {
  const [isShown, setShown] = useState(false);
  return html`<span class="password">
    <input type=${isShown ? 'text' : 'password'} autocapitalize="off" spellcheck=${false} ...${own} />
    <button type="button" class="link" aria-pressed=${isShown ? 'true' : 'false'} onClick=${() => setShown(!isShown)}>
      ${t(isShown ? 'form.hide' : 'form.show')}
    </button>
  </span>`;
}

/** What is wrong with the whole of it. @param {{form: Form}} props */
export function FormProblem({ form }) {
  return html`<div role="alert">${form.problem && html`<p class="problem is-whole">${form.problem}</p>`}</div>`;
}

/** @param {{form: Form, label: string, test?: string, kind?: string, autofocus?: boolean}} props */
export function Submit({ form, label, test, kind = 'primary', autofocus }) {
  return html`<button type="submit" class="button is-${kind}" data-test=${test} autofocus=${autofocus}
    aria-disabled=${form.isBusy ? 'true' : undefined}>
    ${form.isBusy ? t('form.wait') : label}
  </button>`;
}

/**
 * Throws what is missing.
 * @param {Record<string, string>} values
 * @param {string[]} names
 */
export function demand(values, names) {
  const missing = names.filter((name) => !values[name]?.trim());
  if (missing.length > 0) throw new FormError(Object.fromEntries(missing.map((name) => [name, t('form.missing')])));
}

/** A text that was emptied is taken away. @param {string | undefined} text */
export const orNull = (text) => (text?.trim() ? text.trim() : null);

// Language and theme, at the door and in the settings.
export function LanguageSelect() {
  return html`<label class="select">
    <span>${t('settings.language')}</span>
    <select data-test="language" value=${preferences.value.language}
      onChange=${(/** @type {any} */ event) => setLanguage(event.currentTarget.value)}>
      ${Object.entries(languages).map(([key, name]) => html`<option key=${key} value=${key} lang=${key}>${name}
        </option>`)}
    </select>
  </label>`;
}

export function ThemeSelect() {
  return html`<label class="select">
    <span>${t('settings.theme')}</span>
    <select data-test="theme" value=${preferences.value.theme}
      onChange=${(/** @type {any} */ event) => setTheme(event.currentTarget.value)}>
      ${['system', 'light', 'dark'].map((key) => html`<option key=${key} value=${key}>${t(`theme.${key}`)}</option>`)}
    </select>
  </label>`;
}
