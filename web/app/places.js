// @ts-check
// Where one is: `place` and the address go together, and a place that is no longer there gives way to the nearest one
// that is.
import { effect } from '../vendor/signals.js';
import { jumpTo, loadNewest } from './history.js';
import { openedAt } from './keep.js';
import { hashOf, placeOf } from './route.js';
import { channels, connection, phase, place, servers } from './store.js';
import { channelOpened, notify } from './sync.js';

/** @typedef {import('./store.js').Place} Place */

/** @param {Place} next @param {{replace?: boolean}} [options] */
export function go(next, { replace = false } = {}) {
  const hash = hashOf(next);
  if (location.hash !== hash) history[replace ? 'replaceState' : 'pushState'](null, '', hash);
  place.value = next;
}

/** @param {Place} now */
async function opened({ channel_id, message_id }) {
  if (!channel_id || !channels.peek().has(channel_id)) return;
  channelOpened(channel_id);
  if (message_id) await goTo(channel_id, message_id);
  await loadNewest(channel_id);
}

/**
 * Shows a message from wherever in the log it is, or says that it is gone.
 * @param {number} channel_id @param {number} message_id
 */
export async function goTo(channel_id, message_id) {
  if (await jumpTo(channel_id, message_id)) notify({ kind: 'info', code: 'message_not_found' });
}

/** The channel of a server that was opened last, else its first. @param {number} server_id */
export function channelIn(server_id) {
  const all = [...channels.peek().values()].filter((channel) => channel.server_id === server_id);
  return all.sort((a, b) => openedAt(b.id) - openedAt(a.id) || a.id - b.id)[0]?.id;
}

/** @param {number} server_id @returns {Place} */
export function placeIn(server_id) {
  const channel_id = channelIn(server_id);
  return channel_id === undefined ? { server_id } : { server_id, channel_id };
}

/** @returns {Place} */
function anyPlace() {
  const all = [...servers.peek().keys()];
  const [first] = all.sort((a, b) => openedAt(channelIn(b) ?? 0) - openedAt(channelIn(a) ?? 0) || a - b);
  return first === undefined ? {} : placeIn(first);
}

/** Keeps the place among those that there are. */
export function startPlaces() {
  place.value = placeOf(location.hash);
  addEventListener('popstate', () => go(placeOf(location.hash), { replace: true }));
  let wasOpened = '';
  effect(() => {
    const { server_id, channel_id } = place.value;
    const [allServers, allChannels, isLive] = [servers.value, channels.value, connection.value.state === 'live'];
    if (phase.value !== 'in') {
      wasOpened = '';
      return;
    }
    if (server_id === undefined) {
      if (allServers.size) later(anyPlace());
    } else if (!allServers.has(server_id)) {
      if (!isLive) return;
      notify({ kind: 'info', code: 'server_not_found' });
      later(anyPlace());
    } else if (channel_id === undefined) {
      const next = placeIn(server_id);
      if (next.channel_id !== undefined) later(next);
    } else if (allChannels.get(channel_id)?.server_id !== server_id) {
      // What the disk kept may not have it yet.
      if (!isLive) return;
      // One that was open has gone before the person's eyes; one that a link led to has never been there.
      if (wasOpened !== hashOf(place.value)) notify({ kind: 'info', code: 'channel_not_found' });
      later(placeIn(server_id));
    } else if (wasOpened !== hashOf(place.value)) {
      wasOpened = hashOf(place.value);
      void opened(place.peek());
    }
  });
}

/** Behind the change that is under way. @param {Place} next */
function later(next) {
  const { server_id, channel_id } = place.peek();
  queueMicrotask(() => {
    const now = place.peek();
    if (now.server_id === server_id && now.channel_id === channel_id && phase.peek() === 'in') {
      go(next, { replace: true });
    }
  });
}
