// @ts-check
// The state of the client: signals. Values are never changed in place. Only actions.js and what it calls write here.
// With it what is only another form of them: the place as an address, what one may do, words.
import { computed, effect, signal } from '../vendor/signals.js';
import { OF_MEMBERS, permissionsOf, withEntry } from './roles.js';

/**
 * @typedef {{id: number, name: string, description: string|null, icon_url: string|null, owner_id: number,
 *   my_timeout_until?: string|null, created_at: string, updated_at: string}} Server
 */
/**
 * @typedef {{id: number, name: string, description: string|null, server_id: number, created_at: string,
 *   updated_at: string, last_seq: number}} Channel
 */
/** @typedef {{id: number, username: string, display_name: string|null, avatar_url: string|null}} Person */
/** @typedef {Person & {email: string, bio: string|null, created_at: string, updated_at: string}} Profile */
/** @typedef {{user_ids: number[], is_complete: boolean}} Members */
/** @typedef {{emoji: string, count: number, me: boolean}} ReactionCount */
/**
 * `reactors` is there where the message was heard live from its creation on: who reacted with what, exactly.
 * @typedef {{id: number, seq: number, channel_id: number, content: string, author_id: number|null,
 *   author_username: string, created_at: string, updated_at: string, edited_at?: string, reply_to?: number|null,
 *   nonce?: string|null, pinned?: boolean, reactions: ReactionCount[], reactors?: Record<string, number[]>}} Message
 */
/** @typedef {{code: string, detail: string}} Failure */
/** @typedef {{messages: Message[], has_older: boolean, has_newer: boolean}} View */
/**
 * `tail` is the newest messages, at most 200, always live; `view` is where one scrolls back, at
 * most 400. What is shown is `view?.messages ?? tail`.
 * @typedef {{channel_id: number, seq: number|null, epoch?: string, tail: Message[], tail_has_older: boolean,
 *   view: View|null, is_loaded: boolean, is_loading: boolean, error: Failure|null, pins: Message[]|null}} Log
 */
/**
 * @typedef {{nonce: string, channel_id: number, content: string, reply_to?: number, created_at_ms: number,
 *   order: number, state: 'sending'|'failed', code?: string, detail?: string, delay_ms?: number}} Pending
 */
/**
 * `retry_at_ms` is by `performance.now()`.
 * @typedef {{state: 'live'|'connecting'|'offline', retry_at_ms?: number}} Connection
 */
/** @typedef {{server_id?: number, channel_id?: number, message_id?: number}} Place */
/** @typedef {{channel_id: number, text: string}} Edit */
/** @typedef {Pick<Message, 'id'|'author_id'|'author_username'|'content'>} Original */
/**
 * `text` is what somebody wrote and could not send: it can be copied as long as the notice stands.
 * @typedef {{key: string, kind: 'error'|'warning'|'info', code?: string, detail?: string, word?: string,
 *   count?: number, name?: string, text?: string}} Notice
 */
/** @typedef {{language: 'en'|'ko', theme: 'system'|'light'|'dark'}} Preferences */
/** @typedef {{count: number, first_seq: number|null}} Unread */
/** @typedef {string | {one: string, other: string}} Words */
/** @template T @typedef {{value: T, peek(): T}} Signal */

export const phase = signal(/** @type {'starting'|'signed_out'|'in'|'unreachable'} */ ('starting'));
/** @type {Signal<Profile|null>} */
export const me = signal(null);
/** @type {Signal<Map<number, Server>>} */
export const servers = signal(new Map());
/** @type {Signal<Map<number, Channel>>} */
export const channels = signal(new Map());
/** @type {Signal<Map<number, Person>>} */
export const people = signal(new Map());
/** @type {Signal<Map<number, Members>>} */
export const members = signal(new Map());
/** Of each server that they are known of; who has which of them, as far as that is known. */
export const roles = signal(/** @type {import('./roles.js').Roles} */ (new Map()));
export const holders = signal(/** @type {import('./roles.js').Holders} */ (new Map()));
/** @type {Signal<Map<number, Pending[]>>} */
export const pending = signal(new Map());
export const connection = signal(/** @type {Connection} */ ({ state: 'connecting' }));
/** How many milliseconds this browser's clock is ahead of the node's. */
export const clockAhead = signal(0);
/** Up to which `seq` each channel was read. @type {Signal<Map<number, number>>} */
export const reads = signal(new Map());
/** @type {Signal<Place>} */
export const place = signal({});
/** Where a link leads that is in a server which is not one of mine. @type {Signal<Place|null>} */
export const foreign = signal(null);
/** What is written and not sent, by channel. @type {Signal<Map<number, string>>} */
export const drafts = signal(new Map());
/** The new text of messages, not saved yet, by their ids. @type {Signal<Map<number, Edit>>} */
export const edits = signal(new Map());
/** The message that is being answered, by channel. @type {Signal<Map<number, Original>>} */
export const replies = signal(new Map());
/** How the last login ended, for who is at the door. */
export const ending = signal(/** @type {Pick<Notice, 'code'|'detail'|'word'>|null} */ (null));
export const PEOPLE_MAX = 5_000;
const NOTICES_MAX = 5;
/** @type {Signal<Notice[]>} */
export const notices = signal([]);
export const preferences = signal(/** @type {Preferences} */ ({ language: 'en', theme: 'system' }));
/** `memory`: IndexedDB was refused, so a reload forgets drafts and what was not sent. */
export const storage = signal(/** @type {'disk'|'memory'} */ ('disk'));

/** @type {Map<number, Signal<Log>>} */
const logs = new Map();

/** @param {number} channel_id @returns {Log} */
export const emptyLog = (channel_id) => ({
  channel_id,
  seq: null,
  epoch: undefined,
  tail: [],
  tail_has_older: true,
  view: null,
  is_loaded: false,
  is_loading: false,
  error: null,
  pins: null,
});

/** @param {number} channel_id @returns {Signal<Log>} */
export function logOf(channel_id) {
  let log = logs.get(channel_id);
  if (!log) logs.set(channel_id, (log = signal(emptyLog(channel_id))));
  return /** @type {Signal<Log>} */ (log);
}

/** @type {Map<number, Signal<Unread>>} */
const unreads = new Map();
/** @type {Unread} */
const NONE = { count: 0, first_seq: null };

/**
 * How many messages of others came after what was read. Where the log does not reach back so far,
 * the entries before it count.
 * @param {Log} log
 * @param {number|undefined} last_seq
 * @param {number|undefined} read
 * @param {number|undefined} me_id
 * @returns {Unread}
 */
export function countUnread(log, last_seq, read, me_id) {
  const end = Math.max(log.seq ?? 0, last_seq ?? 0);
  if (read === undefined || end <= read) return NONE;
  const fresh = log.tail.filter((message) => message.seq > read && message.author_id !== me_id);
  const isWhole = !log.tail_has_older || (log.tail.length > 0 && log.tail[0].seq <= read + 1);
  if (isWhole && (log.seq ?? 0) >= (last_seq ?? 0)) {
    return fresh.length ? { count: fresh.length, first_seq: fresh[0].seq } : NONE;
  }
  const missing = log.tail.length ? log.tail[0].seq - 1 - read : end - read;
  return { count: fresh.length + Math.max(missing, 0), first_seq: read + 1 };
}

/** @param {number} channel_id @returns {Signal<Unread>} */
export function unreadOf(channel_id) {
  let unread = unreads.get(channel_id);
  if (!unread) {
    unread = computed(() =>
      countUnread(
        logOf(channel_id).value,
        channels.value.get(channel_id)?.last_seq,
        reads.value.get(channel_id),
        me.value?.id,
      ),
    );
    unreads.set(channel_id, unread);
  }
  return unread;
}

/** A member, as far as decisions go. @param {number} server_id @param {number} user_id */
export const standingOf = (server_id, user_id) => ({
  user_id,
  is_owner: servers.value.get(server_id)?.owner_id === user_id,
  role_ids: holders.value.get(server_id)?.get(user_id) ?? [],
});

/** Moves when a timeout may end. */
const ended = signal(0);
const timers = /** @type {Map<number, any>} */ (new Map());

const rights = /** @type {Map<number, Signal<import('./roles.js').Permissions>>} */ (new Map());

/** How long one is kept from writing in a server yet. @param {number} id */
export function leftMsIn(id) {
  const end_ms = Date.parse(servers.value.get(id)?.my_timeout_until ?? '') + clockAhead.value;
  return end_ms > Date.now() ? end_ms - Date.now() : 0;
}

/** What one may do in a server. @param {number} server_id @returns {Signal<import('./roles.js').Permissions>} */
export function rightsIn(server_id) {
  let right = rights.get(server_id);
  if (!right) {
    right = computed(() => {
      const standing = standingOf(server_id, me.value?.id ?? 0);
      const known = roles.value.get(server_id);
      const all = known || standing.is_owner ? permissionsOf(known ?? [], standing) : OF_MEMBERS;
      const left_ms = all.has('administrator') || ended.value < 0 ? 0 : leftMsIn(server_id);
      clearTimeout(timers.get(server_id));
      if (!left_ms) return all;
      timers.set(server_id, setTimeout(() => (ended.value += 1), Math.min(left_ms, 2 ** 31 - 1)));
      return { has: (name) => /^(read_history|view_channel)$/.test(name) && all.has(name) };
    });
    rights.set(server_id, right);
  }
  return right;
}

/**
 * Whether one may do this in a server; of one that is not known the node says no.
 * @param {number|undefined} server_id @param {string} permission
 */
export const mayIn = (server_id, permission) => server_id === undefined || rightsIn(server_id).value.has(permission);

/** Of all channels together. @type {Signal<number>} */
export const unreadTotal = computed(() => {
  let total = 0;
  for (const id of channels.value.keys()) total += unreadOf(id).value.count;
  return total;
});

/** Forgets all that belongs to an account. */
export function forgetAll() {
  notices.value = [];
  for (const log of logs.values()) log.value = emptyLog(log.peek().channel_id);
  me.value = null;
  const maps = [servers, channels, people, members, roles, holders, pending, reads, drafts, edits, replies];
  for (const map of maps) map.value = new Map();
  connection.value = { state: 'connecting' };
}

/** Forgets one channel's log. @param {number} channel_id */
export function forgetLog(channel_id) {
  const log = logs.get(channel_id);
  if (log) log.value = emptyLog(channel_id);
}

/**
 * @template K, V @param {Signal<Map<K, V>>} map @param {K} key
 * @param {V|undefined} value `undefined` takes the key out
 */
export function put(map, key, value) {
  map.value = withEntry(map.peek(), key, value);
}

/**
 * Tells something in passing. At most five notices; an equal one takes the place of the one before.
 * @param {Omit<Notice, 'key'> & {key?: string}} notice
 */
export function notify({ key = '', ...notice }) {
  key ||= [notice.kind, notice.word, notice.code].join(' ');
  notices.value = [...notices.peek().filter((other) => other.key !== key), { key, ...notice }].slice(-NOTICES_MAX);
}

/** @param {string} key */
export function dismiss(key) {
  notices.value = notices.peek().filter((notice) => notice.key !== key);
}

/**
 * @param {Map<number, Person>} people
 * @param {{id: number, username: string, display_name?: string|null, avatar_url?: string|null}[]} told
 * @returns {Map<number, Person>} with them, the same where nothing is new; the first ones go where there are too many
 */
export function withPeople(people, told) {
  const news = told.filter(({ id, username, display_name, avatar_url }) => {
    const known = people.get(id);
    return known?.username !== username || known?.display_name !== (display_name ?? null) ||
      known?.avatar_url !== (avatar_url ?? null);
  });
  if (!news.length) return people;
  const next = new Map(people);
  for (const { id, username, display_name = null, avatar_url = null } of news) {
    next.delete(id);
    next.set(id, { id, username, display_name, avatar_url });
  }
  for (const id of next.keys()) {
    if (next.size <= PEOPLE_MAX) break;
    next.delete(id);
  }
  return next;
}

/** The channels of a server, in the order in which they were made. @param {number|undefined} server_id */
export function channelsOf(server_id) {
  return [...channels.value.values()].filter((channel) => channel.server_id === server_id).sort((a, b) => a.id - b.id);
}

// The place as a fragment: `#/servers/1/channels/2/messages/3`, and as a link to it.

const ROUTE = /^#\/servers\/(\d{1,16})(?:\/channels\/(\d{1,16})(?:\/messages\/(\d{1,16}))?)?\/?$/;

/** @param {string} hash @returns {Place} what it names; `{}` where it is no route */
export function placeOf(hash) {
  const [, ...ids] = ROUTE.exec(hash) ?? [];
  const [server_id, channel_id, message_id] = ids.map((id) => (id === undefined ? undefined : Number(id)));
  if (server_id === undefined || ![server_id, channel_id ?? 1, message_id ?? 1].every(Number.isSafeInteger)) return {};
  return {
    server_id,
    ...(channel_id !== undefined && { channel_id }),
    ...(message_id !== undefined && { message_id }),
  };
}

/** @param {Place} place @returns {string} */
export function hashOf({ server_id, channel_id, message_id }) {
  if (server_id === undefined) return '#/';
  if (channel_id === undefined) return `#/servers/${server_id}`;
  const channel = `#/servers/${server_id}/channels/${channel_id}`;
  return message_id === undefined ? channel : `${channel}/messages/${message_id}`;
}

/** @param {Place} place @param {string} page the address of the page @returns {string} the link that leads there */
export const linkTo = (place, page) => new URL(hashOf(place), page).href;

/** @param {string} link @param {string} page @returns {Place} where it leads; `{}` where that is not in this page */
export function placeOfLink(link, page) {
  const [to, hash] = link.split('#', 2);
  return hash !== undefined && to === page.split('#', 1)[0] ? placeOf(`#${hash}`) : {};
}

/** What the browser keeps is named so: other nodes may be at other paths of the same host. */
export const scope = () => `madang:${new URL('.', document.baseURI).pathname}`;

// The words of the interface, in the language that was chosen: only that one is loaded.

/** Every language by its own name. */
export const languages = { en: 'English', ko: '한국어' };

const shown = signal({ language: 'en', table: /** @type {Record<string, Words>} */ ({}) });

/** Folders of words: what only dialogs say is loaded with them. */
const folders = ['', 'errors/'];

/** @param {string} language */
async function loadWords(language) {
  const files = folders.map((folder) => import(`./words/${folder}${language}.js`));
  const table = Object.assign({}, ...(await Promise.all(files)).map(({ [language]: words }) => words));
  if (preferences.peek().language === language) shown.value = { language, table };
}

/** @param {string} folder */
export async function loadMoreWords(folder) {
  if (!folders.includes(`${folder}/`)) folders.push(`${folder}/`);
  await loadWords(preferences.peek().language);
}

/** Loads the words, and others whenever another language is chosen; where they do not come the ones before stay. */
export async function startWords() {
  const { language } = preferences.peek();
  await loadWords(language);
  effect(() => {
    const { language: next } = preferences.value;
    if (next !== shown.peek().language) loadWords(next).catch(() => {});
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
