// @ts-check
// Keeps the state on disk: what has changed is written a moment later, and when the page goes out of sight. Shows it
// again on the next visit.
import { batch } from '../vendor/signals.js';
import { LOGS_MAX, eraseLog, read, readAll, write, writeLog } from './disk.js';
import { channels, drafts, logOf, me, people, reads, servers } from './store.js';

const KEEP_AFTER_MS = 400;
const RECENT_MAX = 500;

/** The channels in the order in which they were opened, the last one at the end. @type {number[]} */
let recent = [];
/** @type {Set<number>} */
const dirtyLogs = new Set();
/** @type {Set<string>} */
const dirtyValues = new Set();
/** @type {any} */
let timer = null;

/** @type {Record<string, () => unknown>} */
const VALUES = {
  reads: () => reads.peek(),
  drafts: () => drafts.peek(),
  recent: () => recent,
  people: () => people.peek(),
  state: () => ({ me: me.peek(), servers: servers.peek(), channels: channels.peek() }),
};

/** @param {'reads'|'drafts'|'recent'|'people'|'state'} value */
export function keepSoon(value) {
  dirtyValues.add(value);
  timer ??= setTimeout(keepNow, KEEP_AFTER_MS);
}

/** @param {number} channel_id */
export function keepLogSoon(channel_id) {
  dirtyLogs.add(channel_id);
  timer ??= setTimeout(keepNow, KEEP_AFTER_MS);
}

function keepNow() {
  clearTimeout(timer);
  timer = null;
  if (!me.peek()) return;
  for (const value of dirtyValues) void write('values', value, VALUES[value]());
  for (const id of dirtyLogs) {
    const { channel_id, seq, tail, tail_has_older, is_loaded } = logOf(id).peek();
    if (seq !== null) void writeLog({ channel_id, seq, tail, tail_has_older, is_loaded });
  }
  dirtyValues.clear();
  dirtyLogs.clear();
}

/** What waits is not written any more. */
export function stopKeeping() {
  clearTimeout(timer);
  timer = null;
  dirtyLogs.clear();
  dirtyValues.clear();
  recent = [];
}

/** @param {() => boolean} isStill whether it is wanted still @returns {Promise<boolean>} whether there was something */
export async function restore(isStill) {
  const [state, keptReads, keptDrafts, keptRecent, keptPeople, logs] = await Promise.all([
    read('values', 'state'),
    read('values', 'reads'),
    read('values', 'drafts'),
    read('values', 'recent'),
    read('values', 'people'),
    readAll('logs'),
  ]);
  if (!isStill() || !state?.me || me.peek()) return false;
  batch(() => {
    me.value = state.me;
    servers.value = state.servers;
    channels.value = state.channels;
    reads.value = keptReads ?? new Map();
    drafts.value = keptDrafts ?? new Map();
    people.value = keptPeople ?? new Map();
    recent = keptRecent ?? [];
    logs.sort((a, b) => openedAt(b.channel_id) - openedAt(a.channel_id));
    for (const { channel_id } of logs.splice(LOGS_MAX)) void eraseLog(channel_id);
    for (const kept of logs) {
      if (!state.channels.has(kept.channel_id)) void eraseLog(kept.channel_id);
      else logOf(kept.channel_id).value = { ...logOf(kept.channel_id).peek(), ...kept };
    }
  });
  return true;
}

/** @param {number} channel_id */
export function noteOpened(channel_id) {
  recent = [...recent.filter((id) => id !== channel_id), channel_id].slice(-RECENT_MAX);
  keepSoon('recent');
}

/** A larger number for what was opened later; -1 for what was not. @param {number} channel_id */
export const openedAt = (channel_id) => recent.indexOf(channel_id);

/** What waits is written when the page goes out of sight: it may not come back. */
export function startKeeping() {
  // Of what is begun at `pagehide` a browser finishes little.
  for (const event of ['beforeunload', 'pagehide']) addEventListener(event, keepNow);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden' && timer !== null) keepNow();
  });
}
