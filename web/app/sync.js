// @ts-check
// Keeps the state and the node together: one tab has the gateway and tells the others each frame; all put them into
// the state, keep them on disk, and read what is missing by calls.
import { batch } from '../vendor/signals.js';
import { call, openGateway } from './api.js';
import * as disk from './disk.js';
import { forgetFrames, listen, takeFrame } from './frames.js';
import { forgetWritten, hearSends, hearWritten, keepOfDeleted, outbox, transmitBy } from './outbox.js';
import { forgetFreshness, loadNewest, loadPins, meet, refreshPeople, refreshSoon, repair } from './pages.js';
import { REPLAY_MAX, resetLog } from './reducer.js';
import { hear, renew, setTabUser, standFor, tell, tokenValue } from './session.js';
import {
  channels, connection, forgetAll, holders, logOf, me, notify, place, put, reads, roles, servers, storage,
} from './store.js';

/** @typedef {import('./reducer.js').Frame} Frame */
/** @typedef {import('./store.js').Pending} Pending */

const SUBSCRIPTIONS_MAX = 500;
/** So young a send may be on its way to the tab with the gateway. */
const UNTOLD_MAX_MS = 5_000;

/** @type {ReturnType<typeof openGateway>|null} */
let gateway = null;
/** @type {ReturnType<typeof standFor>|null} */
let standing = null;
let user_id = 0;
/** Losing the gateway and leaving end what was begun before. */
let turn = 0;
/** @type {Set<number>} */
const subscribed = new Set();
/** Opened while the gateway was full: each waits for another's `unsubscribed`. @type {number[]} */
let wanted = [];
/** @type {(user_id: number) => void} */
let onStranger = () => {};

/** What failed is tried again once the node is there. @param {import('./store.js').Connection} next */
function setConnection(next) {
  const { channel_id } = place.peek();
  if (next.state === 'live' && channel_id && logOf(channel_id).peek().error) {
    logOf(channel_id).value = { ...logOf(channel_id).peek(), error: null };
    void loadNewest(channel_id);
  }
  connection.value = next;
}

/** @param {number} channel_id */
const loadIfOpen = (channel_id) => {
  if (place.peek().channel_id === channel_id) void loadNewest(channel_id, { again: true });
};

// Joining and leaving.

/**
 * Shows what the disk has of an account.
 * @param {number} id @param {() => boolean} isStill whether it is to be shown still, when it has been read
 * @returns {Promise<boolean>} whether it had something
 */
export async function showKept(id, isStill) {
  await disk.openDisk(id, (kind) => {
    if (kind === 'memory' && storage.peek() === 'disk') notify({ kind: 'warning', word: 'notice.storage_memory' });
    storage.value = kind;
  });
  if (!isStill() || !(await disk.restore(isStill))) return false;
  const kept = await disk.readAll('outbox');
  if (!isStill()) return false;
  outbox.load(kept);
  return true;
}

/**
 * Begins to hear the node as a user.
 * @param {number} id @param {(user_id: number) => void} stranger what to do where the node knows somebody else
 */
export async function enter(id, stranger) {
  user_id = id;
  setTabUser(id);
  onStranger = stranger;
  listen({
    effect,
    gone,
    left,
    hidden,
    changed: disk.keepLogSoon,
    news: () => disk.keepSoon('state'),
    met: meet,
    stranger: (other) => onStranger(other),
  });
  hearTabs();
  transmitBy((frame) => gateway?.send(frame) ?? false);
  standing = standFor(id, { onHold: () => void hold(), onLose: lose, ask: () => tell({ kind: 'hello' }) });
}

export function leave() {
  standing?.leave();
  standing = null;
  lose();
  disk.stopKeeping();
  user_id = 0;
  setTabUser(0);
  forgetFrames();
  batch(() => {
    outbox.clear();
    forgetAll();
  });
}

async function hold() {
  const now = turn;
  const kept = await disk.readAll('outbox');
  if (now !== turn || gateway || !user_id) return;
  outbox.load(kept);
  gateway = openGateway({
    token: tokenValue,
    renew,
    onFrame: (frame, text) => {
      tell({ kind: 'frame', text });
      takeFrame(frame);
      if (frame.type === 'ready') afterReady(frame);
      else takeOfHolder(frame);
      hearSends(frame);
    },
    onState: (state) => {
      setConnection(state);
      tellConnection();
    },
    onClosed: () => {
      subscribed.clear();
      wanted = [];
      tell({ kind: 'closed' });
      outbox.closed();
    },
    onStopped: (code, detail) => notify({ kind: 'error', code, detail }),
  });
}

function lose() {
  turn += 1;
  gateway?.close();
  gateway = null;
  subscribed.clear();
  outbox.closed();
}

// What the holder does with its gateway.

/** @param {Frame} frame */
function afterReady(frame) {
  refreshPeople();
  const byRecency = (/** @type {{id: number}} */ a, /** @type {{id: number}} */ b) =>
    disk.openedAt(b.id) - disk.openedAt(a.id) || b.id - a.id;
  const all = [...channels.peek().values()].sort(byRecency);
  if (all.length > SUBSCRIPTIONS_MAX) notify({ kind: 'warning', word: 'notice.too_many_channels' });
  subscribe(all.slice(0, SUBSCRIPTIONS_MAX).map(({ id }) => id));
  outbox.opened();
  disk.keepSoon('reads');
  for (const server of frame.servers) if (!server.channels) void readServer(server.id);
  const { channel_id } = place.peek();
  if (channel_id && channels.peek().has(channel_id)) void loadNewest(channel_id);
}

/** Of a server that `ready` had no room for. @param {number} id */
async function readServer(id) {
  const server = await call('GET', `servers/${id}`).catch(() => null);
  if (!server) return;
  const text = JSON.stringify({ ...server, type: 'server.joined' });
  tell({ kind: 'frame', text });
  takeFrame(JSON.parse(text));
  subscribe(server.channels.map((/** @type {{id: number}} */ channel) => channel.id));
}

/** In one frame, each channel after what is known of it, in the epoch in which it is known. @param {number[]} ids */
function subscribe(ids) {
  const news = ids.filter((id) => !subscribed.has(id)).slice(0, SUBSCRIPTIONS_MAX - subscribed.size);
  if (!news.length || !gateway) return;
  const list = news.map((channel_id) => {
    const log = logOf(channel_id);
    const { seq } = log.peek();
    // Of what lies very far back the newest page is read instead.
    if (seq !== null && (channels.peek().get(channel_id)?.last_seq ?? 0) - seq > REPLAY_MAX) {
      log.value = resetLog(log.peek(), null);
      loadIfOpen(channel_id);
    }
    const { seq: after, epoch } = log.peek();
    return after === null ? { channel_id } : { channel_id, after, epoch };
  });
  if (gateway.send({ type: 'subscribe', channels: list })) for (const id of news) subscribed.add(id);
}

/** @param {Frame} frame */
function takeOfHolder(frame) {
  const { type, channel_id } = frame;
  if (type === 'channel.created') subscribe([frame.id]);
  else if (type === 'server.joined') subscribe((frame.channels ?? []).map((/** @type {{id: number}} */ { id }) => id));
  else if (type === 'unsubscribed') {
    makeRoom(channel_id);
    if (frame.reason === 'restart') setTimeout(() => subscribe([channel_id]), 500 + Math.random() * 1_000);
  } else if (type === 'error' && channel_id && !frame.nonce && frame.code !== 'already_subscribed') {
    // The answer to a subscription, or to its end; the other frames of the gateway have nonces.
    if (frame.code === 'not_subscribed') makeRoom(channel_id);
    else subscribed.delete(channel_id);
    if (frame.retry_after_ms !== undefined) {
      setTimeout(() => subscribe([channel_id]), frame.retry_after_ms + Math.random() * 1_000);
    }
  }
}

/** @param {number} channel_id that is no longer subscribed */
function makeRoom(channel_id) {
  subscribed.delete(channel_id);
  const next = wanted.shift();
  if (next !== undefined) subscribe([next]);
}

/**
 * Hears a channel although the gateway is full: the one that was opened longest ago makes room.
 * @param {number} channel_id
 */
function want(channel_id) {
  if (!gateway || subscribed.has(channel_id) || !channels.peek().has(channel_id)) return;
  if (subscribed.size < SUBSCRIPTIONS_MAX) return subscribe([channel_id]);
  if (wanted.includes(channel_id)) return;
  const leaving = [...subscribed].sort((a, b) => disk.openedAt(a) - disk.openedAt(b))[wanted.length];
  // Its place is free when the answer has come.
  if (gateway.send({ type: 'unsubscribe', channel_id: leaving })) wanted.push(channel_id);
}

/** @param {number} channel_id */
export function channelOpened(channel_id) {
  disk.noteOpened(channel_id);
  want(channel_id);
  tell({ kind: 'want', channel_id });
}

export function retryNow() {
  gateway?.retryNow();
  tell({ kind: 'retry' });
}

// Effects of frames.

/** @param {number} channel_id @param {import('./reducer.js').Effect} effect */
function effect(channel_id, { repair: gap, refresh, acknowledged, pins, reload, deleted }) {
  if (acknowledged) outbox.acknowledge(acknowledged);
  if (deleted) keepOfDeleted(channel_id, deleted);
  if (gap) void repair(channel_id);
  if (refresh) refreshSoon(channel_id, refresh);
  if (pins) void loadPins(channel_id).catch(() => {});
  if (!reload) return;
  void disk.eraseLog(channel_id);
  loadIfOpen(channel_id);
}

/**
 * The server that is open goes before the person's eyes.
 * @param {import('./store.js').Server} server @param {boolean} is_deleted
 */
function left({ id, name }, is_deleted) {
  if (place.peek().server_id !== id) return;
  notify({ kind: 'info', word: is_deleted ? 'notice.server_deleted' : 'notice.server_left', name });
}

/** The channel that is open goes likewise. @param {import('./store.js').Channel} channel */
function hidden({ id, name }) {
  if (place.peek().channel_id === id) notify({ kind: 'info', word: 'notice.channel_hidden', name });
}

/** @param {number[]} channel_ids */
function gone(channel_ids) {
  for (const id of channel_ids) {
    subscribed.delete(id);
    void disk.eraseLog(id);
  }
  const lost = channel_ids.flatMap(forgetWritten);
  if (lost.length) {
    // It takes the place of no other: each has its own text.
    const key = `lost ${channel_ids[0]}`;
    notify({ key, kind: 'error', word: 'notice.unsent_gone', count: lost.length, text: lost.join('\n\n') });
  }
  disk.keepSoon('reads');
}

// Other tabs.

function tellConnection() {
  const { state, retry_at_ms } = connection.peek();
  tell({
    kind: 'connection',
    state,
    ...(retry_at_ms !== undefined && { retry_in_ms: retry_at_ms - performance.now() }),
  });
}

function hearTabs() {
  hear('frame', ({ text }) => {
    const frame = JSON.parse(text);
    takeFrame(frame);
    hearSends(frame);
    if (frame.type === 'ready') refreshPeople();
    standing?.heard();
  });
  hear('closed', () => outbox.closed());
  hear('connection', ({ state, retry_in_ms }) => {
    if (gateway) return;
    setConnection({ state, ...(retry_in_ms !== undefined && { retry_at_ms: performance.now() + retry_in_ms }) });
  });
  hear('hello', tellAll);
  hear('all', takeAll);
  hear('send', ({ item }) => void outbox.add(item));
  hear('discard', ({ nonce }) => outbox.discard(nonce, true));
  hear('want', ({ channel_id }) => {
    disk.noteOpened(channel_id);
    want(channel_id);
  });
  hearWritten();
  hear('retry', () => gateway?.retryNow());
  hear('read', ({ channel_id, seq }) => {
    if ((reads.peek().get(channel_id) ?? 0) < seq) put(reads, channel_id, seq);
  });
}

/** The holder's answer to a tab that asks. */
function tellAll() {
  if (!gateway) return;
  const seqs = new Map([...channels.peek().keys()].map((id) => [id, logOf(id).peek().seq]));
  tell({
    kind: 'all',
    me: me.peek(),
    servers: servers.peek(),
    channels: channels.peek(),
    roles: roles.peek(),
    holders: holders.peek(),
    reads: reads.peek(),
    pending: outbox.all(),
    seqs,
  });
  tellConnection();
}

/** @param {{[field: string]: any}} all */
function takeAll(all) {
  standing?.heard();
  if (gateway || !all.me) return;
  batch(() => {
    me.value = all.me;
    servers.value = all.servers;
    channels.value = all.channels;
    roles.value = all.roles;
    holders.value = all.holders;
    reads.value = all.reads;
    outbox.load(all.pending);
    for (const [id, seq] of all.seqs) catchUp(id, seq);
  });
  forgetFreshness();
  void tellUnknown(all.pending);
  const { channel_id } = place.peek();
  if (channel_id && channels.peek().has(channel_id)) void loadNewest(channel_id);
}

/** What the holder lacks is gone from the disk as well, or it has not heard of it. @param {Pending[]} had */
async function tellUnknown(had) {
  const now = turn;
  const known = new Set(had.map(({ nonce }) => nonce));
  const isUnknown = (/** @type {Pending} */ item) =>
    !known.has(item.nonce) && Date.now() - item.created_at_ms > UNTOLD_MAX_MS;
  if (!outbox.all().some(isUnknown)) return;
  const kept = new Set((await disk.readAll('outbox')).map(({ nonce }) => nonce));
  if (now !== turn) return;
  for (const item of outbox.all().filter(isUnknown)) {
    if (kept.has(item.nonce)) tell({ kind: 'send', item });
    else outbox.discard(item.nonce, true);
  }
}

/** @param {number} channel_id @param {number|null} seq how far the holder has heard */
function catchUp(channel_id, seq) {
  const log = logOf(channel_id);
  const known = log.peek().seq;
  if (seq === null || (known ?? -1) >= seq) return;
  if (known !== null && seq - known <= REPLAY_MAX) return void repair(channel_id);
  log.value = resetLog(log.peek(), seq);
}

/** Up to what has come, not up to what there is. @param {number} channel_id */
export function markRead(channel_id) {
  const { seq, is_loaded } = logOf(channel_id).peek();
  if (!is_loaded || seq === null || (reads.peek().get(channel_id) ?? -1) >= seq) return;
  put(reads, channel_id, seq);
  disk.keepSoon('reads');
  tell({ kind: 'read', channel_id, seq });
}
