// @ts-check
// Forms: what is wrong with a field is said at the field, in the reader's language; nothing that was typed is lost.
import { useId, useRef, useState } from '../../vendor/hooks.js';
import { t, wordsOfError } from '../words.js';
import { html } from './kit.js';

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
  const problem = form?.problems[name];
  const described = [hint && hint !== problem && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ');
  const own = {
    id,
    name,
    'data-test': test,
    'aria-invalid': problem ? 'true' : undefined,
    'aria-describedby': described || undefined,
    ...rest,
  };
  const input = rows ? html`<textarea rows=${rows} ...${own}></textarea>` : html`<input type=${type} ...${own} />`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${type === 'password' ? html`<${PasswordInput} own=${own} />` : input}
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

/** @param {{form: Form, label: string, test?: string, kind?: string}} props */
export function Submit({ form, label, test, kind = 'primary' }) {
  return html`<button type="submit" class="button is-${kind}" data-test=${test}
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
