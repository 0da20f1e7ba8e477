// @ts-check
// The place as a fragment: `#/servers/1/channels/2/messages/3`, and as a link to it. Pure.

/** @typedef {import('./store.js').Place} Place */

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
