// @ts-check
// What frames and pages make of a channel's log. Pure: no signals, no calls. docs/PROTOCOL.md, "The log", is the rule:
// every number of a log is counted exactly once, and what is heard is put over what is there.

/** @typedef {import('./store.js').Log} Log */
/** @typedef {import('./store.js').Message} Message */
/** @typedef {import('./store.js').View} View */
/** @typedef {{type: string, [field: string]: any}} Frame */
/**
 * What is to be done beside: read what is missing, ask for a message again, drop a kept send,
 * read the pins or the newest page again, keep what was written to messages that are deleted now.
 * @typedef {{repair?: number, refresh?: number, acknowledged?: string, pins?: number, reload?: number,
 *   deleted?: number[]}} Effect
 */

export const TAIL_MAX = 200;
export const VIEW_MAX = 400;
/** Of a channel that nobody has opened in this tab. */
export const UNOPENED_TAIL_MAX = 50;
/** How many entries are replayed of a log that is known from before; beyond that its newest page is read instead. */
export const REPLAY_MAX = 2_000;

/** Frames that have a `channel_id`, some also a `seq`, and are no entries. */
const ANSWERS = new Set([
  'ack',
  'subscribed',
  'unsubscribed',
  'replay.done',
  'resync',
  'error',
  'message.delayed',
  'channel.created',
  'channel.updated',
  'channel.deleted',
]);

/** @param {Frame} frame */
export function isEntry(frame) {
  return (
    Number.isInteger(frame.channel_id) &&
    !ANSWERS.has(frame.type) &&
    !frame.duplicate &&
    (Number.isInteger(frame.seq) || (Number.isInteger(frame.from) && Number.isInteger(frame.to)))
  );
}

/** The message of a `message.created` or `message.updated`. @param {Frame} frame @returns {Message} */
export function messageOf(frame) {
  const { type, message_seq, duplicate, ...message } = frame;
  return /** @type {Message} */ ({ ...message, seq: message_seq ?? frame.seq, reactions: message.reactions ?? [] });
}

/** A log of which nothing is known but how far it goes. @param {Log} log @param {number|null} seq @returns {Log} */
export function resetLog(log, seq) {
  return {
    ...log,
    seq,
    tail: [],
    tail_has_older: true,
    view: null,
    is_loaded: false,
    is_loading: false,
    error: null,
    pins: null,
  };
}

/**
 * @param {Log} log @param {Frame} frame @param {number|undefined} me_id
 * @returns {{log: Log, effects: Effect[], is_gap?: boolean}} `is_gap`: the entry comes later than the next one; hold it
 */
export function reduceLog(log, frame, me_id) {
  /** @type {Effect[]} */
  const effects = [];
  if (
    frame.nonce &&
    (frame.type === 'ack' || frame.duplicate || (frame.type === 'message.created' && frame.author_id === me_id))
  ) {
    effects.push({ acknowledged: frame.nonce });
  }
  if (frame.type === 'subscribed' && log.seq === null) {
    if (log.is_loaded || log.is_loading) effects.push({ reload: log.channel_id });
    return { log: { ...resetLog(log, frame.seq), epoch: frame.epoch }, effects };
  }
  if (frame.type === 'resync') {
    const epoch = frame.epoch ?? log.epoch;
    return { log: { ...resetLog(log, frame.seq), epoch }, effects: [...effects, { reload: log.channel_id }] };
  }
  if (frame.type === 'replay.done' && log.seq !== null) {
    if (frame.seq > log.seq) effects.push({ repair: log.channel_id });
    if (frame.epoch !== log.epoch) return { log: { ...log, epoch: frame.epoch }, effects };
  }
  if (!isEntry(frame) || log.seq === null) return { log, effects };

  const from = frame.from ?? frame.seq;
  const to = frame.to ?? frame.seq;
  if (to <= log.seq) return { log, effects };
  if (from > log.seq + 1) return { log, effects: [...effects, { repair: log.channel_id }], is_gap: true };
  return { log: applyEntry({ ...log, seq: to }, frame, me_id, effects), effects };
}

/** @param {Log} log @param {Frame} frame @param {number|undefined} me_id @param {Effect[]} effects @returns {Log} */
function applyEntry(log, frame, me_id, effects) {
  const deleted = deletedBy(frame);
  if (deleted.length) effects.push({ deleted });
  if (frame.type === 'message.created') {
    return frame.deleted ? removeFrom(log, [frame.id]) : appendTo(log, messageOf(frame));
  }
  const tail = applyToMessages(log.tail, frame, me_id, effects);
  const viewed = log.view && applyToMessages(log.view.messages, frame, me_id, effects);
  const view =
    log.view && viewed !== log.view.messages ? { ...log.view, messages: /** @type {Message[]} */ (viewed) } : log.view;
  return { ...log, tail, view, pins: pinsAfter(log, frame, me_id, effects) };
}

/** The messages that an entry says are deleted. @param {Frame} frame @returns {number[]} */
function deletedBy({ type, id, ids, deleted }) {
  if (type === 'messages.deleted') return ids;
  return type === 'message.deleted' || (type === 'message.created' && deleted) ? [id] : [];
}

/** @param {Log} log @param {Message} heard @returns {Log} */
function appendTo(log, heard) {
  const message = { ...heard, reactors: {} };
  const before = log.tail.filter(({ id }) => id !== message.id);
  const max = log.is_loaded || log.is_loading ? TAIL_MAX : UNOPENED_TAIL_MAX;
  const tail = [...before, message].slice(-max);
  const tail_has_older = log.tail_has_older || before.length + 1 > max;
  return { ...log, tail, tail_has_older, view: log.view && appendToView(log.view, message) };
}

/** @param {View} view @param {Message} message */
function appendToView(view, message) {
  if (view.has_newer) return view;
  if (view.messages.length >= VIEW_MAX) return { ...view, has_newer: true };
  return { ...view, messages: [...view.messages.filter(({ id }) => id !== message.id), message] };
}

/** @param {Log} log @param {number[]} ids @returns {Log} */
function removeFrom(log, ids) {
  const without = (/** @type {Message[]} */ messages) =>
    messages.some(({ id }) => ids.includes(id)) ? messages.filter(({ id }) => !ids.includes(id)) : messages;
  return {
    ...log,
    tail: without(log.tail),
    view: log.view && { ...log.view, messages: without(log.view.messages) },
    pins: log.pins && without(log.pins),
  };
}

/** @param {Log} log @param {Frame} frame @param {number|undefined} me_id @param {Effect[]} effects */
function pinsAfter(log, frame, me_id, effects) {
  if (!log.pins) return null;
  if (frame.type === 'message.pinned') effects.push({ pins: log.channel_id });
  if (frame.type === 'message.unpinned') return log.pins.filter(({ id }) => id !== frame.message_id);
  return applyToMessages(log.pins, frame, me_id, []);
}

/**
 * What a change makes of a list of messages; the same list where it is about none of them.
 * @param {Message[]} messages
 * @param {Frame} frame
 * @param {number|undefined} me_id
 * @param {Effect[]} effects
 * @returns {Message[]}
 */
export function applyToMessages(messages, frame, me_id, effects) {
  const deleted = deletedBy(frame);
  if (deleted.length) return messages.filter(({ id }) => !deleted.includes(id));
  const id = frame.type === 'message.updated' ? frame.id : frame.message_id;
  const at = messages.findIndex((message) => message.id === id);
  if (at < 0) return messages;
  const next = changed(messages[at], frame, me_id, effects);
  return next === messages[at] ? messages : messages.map((message, index) => (index === at ? next : message));
}

/**
 * @param {Message} message @param {Frame} frame @param {number|undefined} me_id @param {Effect[]} effects
 * @returns {Message}
 */
function changed(message, frame, me_id, effects) {
  switch (frame.type) {
    case 'message.updated': {
      // What a call has told may be newer.
      if (isLater(message.updated_at, frame.updated_at)) return message;
      const { reactions, reactors, pinned } = message;
      return { ...messageOf(frame), reactions, ...(reactors && { reactors }), ...(pinned && { pinned }) };
    }
    case 'message.pinned':
      return { ...message, pinned: true };
    case 'message.unpinned': {
      const { pinned, ...rest } = message;
      return rest;
    }
    case 'reaction.added':
    case 'reaction.removed':
    case 'reactions.cleared':
      if (message.reactors) return withReactors(message, reactorsAfter(message.reactors, frame), me_id);
      effects.push({ refresh: message.id });
      return message;
    default:
      return message;
  }
}

/** @param {Record<string, number[]>} reactors @param {Frame} frame @returns {Record<string, number[]>} */
function reactorsAfter(reactors, { type, emoji, user_id }) {
  if (type === 'reactions.cleared' && emoji === undefined) return {};
  const others = (reactors[emoji] ?? []).filter((id) => id !== user_id);
  const ids = type === 'reaction.added' ? [...others, user_id] : type === 'reaction.removed' ? others : [];
  /** @type {Record<string, number[]>} */
  const next = { ...reactors, [emoji]: ids };
  if (!ids.length) delete next[emoji];
  return next;
}

/**
 * @param {Message} message @param {Record<string, number[]>} reactors @param {number|undefined} me_id
 * @returns {Message}
 */
function withReactors(message, reactors, me_id) {
  const reactions = Object.entries(reactors).map(([emoji, ids]) => ({
    emoji,
    count: ids.length,
    me: me_id !== undefined && ids.includes(me_id),
  }));
  return { ...message, reactors, reactions };
}

/**
 * Times are in UTC, so their texts compare once they have as many digits behind the second.
 * @param {string} a @param {string} b
 */
export function isLater(a, b) {
  const [x, y] = [a, b].map((time) =>
    (time.includes('.') ? time.slice(0, -1) : time.replace('Z', '.')).padEnd(30, '0'),
  );
  return x > y;
}

/**
 * Puts what a call said of a message over what is there.
 * @param {Log} log @param {Message} said @returns {Log}
 */
export function refreshed(log, said) {
  const over = (/** @type {Message[]} */ messages) =>
    messages.map((message) => {
      if (message.id !== said.id || message.reactors) return message;
      return isLater(message.updated_at, said.updated_at) ? { ...message, reactions: said.reactions } : said;
    });
  return { ...log, tail: over(log.tail), view: log.view && { ...log.view, messages: over(log.view.messages) } };
}

// Pages: the newest one, and older and newer ones around an anchor. A page may be newer or older than the entries that
// were heard; what it has beyond the last entry that was counted comes as an entry.

/**
 * Both lists in order, each message once; what was heard exactly stays.
 * @param {Message[]} known @param {Message[]} page @returns {Message[]}
 */
export function merged(known, page) {
  const byId = new Map(page.map((message) => [message.id, message]));
  for (const message of known) {
    const said = byId.get(message.id);
    const isNewer = said && isLater(said.updated_at, message.updated_at);
    const { reactions, reactors } = message;
    if (!said || (!isNewer && reactors)) byId.set(message.id, message);
    else if (reactors) byId.set(message.id, { ...said, reactions, reactors });
  }
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

/** @param {Log} log @param {Message[]} page the newest @param {number} limit @returns {Log} */
export function withNewest(log, page, limit) {
  const counted = page.filter(({ seq }) => log.seq === null || seq <= log.seq);
  // So much was heard meanwhile that what joins the page has left the tail.
  const last = counted.at(-1);
  const isApart = log.tail.length >= TAIL_MAX && last !== undefined && last.id < log.tail[0].id;
  const tail = isApart ? log.tail : merged(log.tail, counted);
  const has_older = isApart || page.length >= limit;
  return {
    ...log,
    tail: tail.slice(-TAIL_MAX),
    tail_has_older: tail.length > TAIL_MAX || (has_older && log.tail_has_older),
    is_loaded: true,
    error: null,
  };
}

/** @param {Log} log @returns {View} what is shown, as a view that can grow */
export const viewOf = (log) => log.view ?? { messages: log.tail, has_older: log.tail_has_older, has_newer: false };

/** @param {View} view @param {Message[]} page @param {number} limit @returns {View} */
export function withOlder(view, page, limit) {
  const messages = merged(view.messages, page);
  const isCut = messages.length > VIEW_MAX;
  return { messages: messages.slice(0, VIEW_MAX), has_older: page.length >= limit, has_newer: view.has_newer || isCut };
}

/**
 * A page before a message, where that one is still the first that is shown.
 * @param {Log} log @param {number} first_id @param {Message[]} page @param {number} limit @returns {Log}
 */
export const withPageBefore = (log, first_id, page, limit) =>
  log.view?.messages[0]?.id === first_id ? { ...log, view: withOlder(log.view, page, limit) } : log;

/**
 * A page after a message, where that one is still the last of the view.
 * @param {Log} log @param {number} last_id @param {Message[]} page @param {number} limit @returns {Log}
 */
export const withPageAfter = (log, last_id, page, limit) =>
  log.view?.messages.at(-1)?.id === last_id ? { ...log, view: withNewer(log, log.view, page, limit) } : log;

/**
 * @param {Log} log @param {View} view @param {Message[]} page @param {number} limit
 * @returns {View} joined with the tail where it reaches it
 */
export function withNewer(log, view, page, limit) {
  const counted = page.filter(({ seq }) => log.seq === null || seq <= log.seq);
  let messages = merged(view.messages, counted);
  const last = messages.at(-1)?.id ?? 0;
  const hasJoined =
    page.length < limit || counted.length < page.length || (log.tail.length > 0 && log.tail[0].id <= last);
  if (hasJoined) messages = merged(messages, log.tail);
  const isCut = messages.length > VIEW_MAX;
  return { messages: messages.slice(-VIEW_MAX), has_older: view.has_older || isCut, has_newer: !hasJoined };
}

/** @param {Log} log @param {Message[]} page @param {{has_older: boolean, limit: number}} ends @returns {View} */
export function viewAround(log, page, { has_older, limit }) {
  return withNewer(log, { messages: [], has_older, has_newer: true }, page, Math.min(limit, page.length));
}
