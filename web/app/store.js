// @ts-check
// The state of the client: signals only. Values are never changed in place. Only actions.js and what it calls write
// here.
import { computed, signal } from '../vendor/signals.js';

/**
 * @typedef {{id: number, name: string, description: string|null, icon_url: string|null, owner_id: number,
 *   created_at: string, updated_at: string}} Server
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
 * @typedef {{channel_id: number, seq: number|null, tail: Message[], tail_has_older: boolean, view: View|null,
 *   is_loaded: boolean, is_loading: boolean, error: Failure|null, pins: Message[]|null}} Log
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
/** @typedef {{key: string, kind: 'error'|'info', code?: string, detail?: string, word?: string}} Notice */
/** @typedef {{language: 'en'|'ko', theme: 'system'|'light'|'dark'}} Preferences */
/** @typedef {{count: number, first_seq: number|null}} Unread */
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
/** @type {Signal<Map<number, Pending[]>>} */
export const pending = signal(new Map());
export const connection = signal(/** @type {Connection} */ ({ state: 'connecting' }));
/** Up to which `seq` each channel was read. @type {Signal<Map<number, number>>} */
export const reads = signal(new Map());
/** @type {Signal<Place>} */
export const place = signal({});
/** @type {Signal<Map<number, string>>} */
export const drafts = signal(new Map());
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

/** Of all channels together. @type {Signal<number>} */
export const unreadTotal = computed(() => {
  let total = 0;
  for (const id of channels.value.keys()) total += unreadOf(id).value.count;
  return total;
});

/** Forgets all that belongs to an account. */
export function forgetAll() {
  for (const log of logs.values()) log.value = emptyLog(log.peek().channel_id);
  me.value = null;
  for (const map of [servers, channels, people, members, pending, reads, drafts]) map.value = new Map();
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
  const next = new Map(map.peek());
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  map.value = next;
}
