// @ts-check
// What all views are made of: elements, icons, avatars, names, times.
import htm from '../../vendor/htm.js';
import { h } from '../../vendor/preact.js';
import { me, people, preferences } from '../store.js';
import { t } from '../words.js';

/** Makes elements of a template: the one way in which views write them. */
export const html = htm.bind(h);

/**
 * An icon drawn by the style sheet, in the colour of the text around it.
 * @param {{name: string}} props
 */
export function Icon({ name }) {
  return html`<span class="icon icon-${name}" aria-hidden="true"></span>`;
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
export function timeOf(at) {
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
