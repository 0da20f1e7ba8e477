// @ts-check
// The messages of a channel.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from '../../vendor/hooks.js';
import * as actions from '../actions.js';
import { VIEW_MAX } from '../reducer.js';
import {
  clockAhead, connection, logOf, me, members, pending, place, rightsIn, roles, servers, t, unreadOf, wordsOfError,
} from '../store.js';
import { lineOf } from '../text/markdown.js';
import { Icon, IconButton, dayOf, html, momentOf, nameOf, roveFocus, shortNumberOf } from './kit.js';
import { MessageRow, PendingRow } from './message.js';
import {
  activeRow, attempt, editing, focusComposer, isNavigationOpen, openDialog, readAll, readByKey, showMessage, showNewest,
  small, target,
} from './navigation.js';
import { dividerAfter, focusRow, originalsIn, rowsOf, scrollByKey, useFocusInList, useScroll } from './rows.js';

/** @typedef {import('../store.js').Channel} Channel */
/** @typedef {import('../store.js').Log} Log */
/** @typedef {import('../store.js').Message} Message */
/** @typedef {import('./rows.js').Row} Row */

const NEAR_PX = 800;
const MARKED_MS = 2500;
const SAID_EVERY_MS = 1000;
const NOTHING = /** @type {any[]} */ ([]);

/** Whether somebody looks at the messages, and does not only have them open. */
function isLookedAt() {
  return document.visibilityState === 'visible' && document.hasFocus() && !(small.matches && isNavigationOpen.value);
}

/** Renders again when the page is looked at again, or no longer. */
function useLook() {
  const [, setLook] = useState(0);
  useEffect(() => {
    const onChange = () => setLook((look) => look + 1);
    const stop = new AbortController();
    for (const kind of ['focus', 'blur']) addEventListener(kind, onChange, { signal: stop.signal });
    document.addEventListener('visibilitychange', onChange, { signal: stop.signal });
    return () => stop.abort();
  }, []);
}

/**
 * Says new messages of others to screen readers, at most once a second.
 * @param {number} channelId
 * @param {Message[]} tail
 */
function useSaying(channelId, tail) {
  const [said, setSaid] = useState('');
  const heard = useRef({ seq: -1, at: 0, waiting: /** @type {any[]} */ ([]), timer: 0 });
  const last = tail[tail.length - 1];
  useEffect(() => {
    const now = heard.current;
    if (!last) return;
    const isNew = (/** @type {any} */ message) => message.seq > now.seq && message.author_id !== me.value?.id;
    const fresh = now.seq < 0 ? [] : tail.filter(isNew);
    now.seq = Math.max(now.seq, last.seq);
    if (fresh.length === 0) return;
    now.waiting.push(...fresh.slice(-20));
    now.timer ||= window.setTimeout(() => {
      const [first] = now.waiting;
      const count = now.waiting.length;
      const name = nameOf(first.author_id, first.author_username);
      setSaid(count === 1 ? `${name}: ${lineOf(first.content)}` : t('messages.said', { count }));
      now.waiting = [];
      now.timer = 0;
    }, SAID_EVERY_MS);
  }, [channelId, last?.id]);
  useEffect(() => () => clearTimeout(heard.current.timer), []);
  return said;
}

/** Who writes in which color is known with the members. @param {number} serverId */
function useColors(serverId) {
  const isColored = (roles.value.get(serverId) ?? []).some(({ color }) => color);
  const isWanted = isColored && connection.value.state === 'live' && !members.value.has(serverId);
  useEffect(() => {
    // Without an answer names have the color of the text.
    if (isWanted) actions.loadMembers(serverId).catch(() => {});
  }, [isWanted, serverId]);
}

/** @param {{channel: Channel, isOwner: boolean, isEmpty: boolean}} props */
function Beginning({ channel, isOwner, isEmpty }) {
  const known = members.value.get(channel.server_id);
  const [isUnknown, setUnknown] = useState(false);
  useEffect(() => {
    if (isOwner && isEmpty && !known) actions.loadMembers(channel.server_id).catch(() => setUnknown(true));
  }, [isOwner, isEmpty, !known]);
  const isAlone = known ? known.user_ids.length === 1 : isUnknown;
  return html`<div class="beginning">
    <span class="beginning-mark"><${Icon} name="hash" /></span>
    <h2 class="cut" title=${channel.name}>${t('messages.beginning', { name: channel.name })}</h2>
    <p>${isEmpty ? t('messages.none') : channel.description || t('messages.beginning_text')}</p>
    ${isOwner && isAlone && html`<button type="button" class="button"
      onClick=${() => openDialog('invite', { serverId: channel.server_id })}>${t('server_menu.invite')}</button>`}
  </div>`;
}

/** @param {{log: Log, load: () => any, isSaid?: boolean}} props */
function Failed({ log, load, isSaid = true }) {
  return html`<div class="list-end" role=${isSaid ? 'alert' : undefined}><p class="problem">
    ${wordsOfError(log.error)}</p><button type="button" class="button is-small"
    onClick=${() => attempt(load)}>${t('again')}</button></div>`;
}

/**
 * @param {{channel: Channel, log: Log, mayRead: boolean, hasOlder: boolean, isOwner: boolean,
 *   isEmpty: boolean}} props
 */
function Top({ channel, log, mayRead, hasOlder, isOwner, isEmpty }) {
  if (!mayRead) {
    return html`<div class="list-end" data-test="no-history"><p class="hint">${t('messages.no_history')}</p></div>`;
  }
  if (log.error && (hasOlder || !log.view?.has_newer)) {
    const load = log.is_loaded && hasOlder ? actions.loadOlder : actions.reload;
    return html`<${Failed} log=${log} load=${() => load(channel.id)} />`;
  }
  if (!log.is_loaded || hasOlder) {
    return html`<div class="list-end">
      ${(log.is_loading || !log.is_loaded) && html`<span class="spinner"></span><span class="hint">${t('loading')}
      </span>`}</div>`;
  }
  return html`<${Beginning} channel=${channel} isOwner=${isOwner} isEmpty=${isEmpty} />`;
}

/** @param {{count: number, isAtEnd: boolean, onClick: () => void}} props */
function Pill({ count, isAtEnd, onClick }) {
  if (isAtEnd) return null;
  return html`<button type="button" class="pill" data-test="jump-newest" onClick=${onClick}>
    ${count > 0 ? t('messages.new', { count, shown: shortNumberOf(count) }) : t('messages.to_newest')}<${Icon}
      name="arrow-down" />
  </button>`;
}

/**
 * The first unread message, where it lies before all that is loaded.
 * @param {{channelId: number, divider: number | null, count: number, isBefore: boolean}} about
 */
function useUnreadBefore({ channelId, divider, count, isBefore }) {
  const [first, setFirst] = useState(/** @type {{id: number, created_at: string, count: number} | null} */ (null));
  const asked = useRef(/** @type {number | null} */ (null));
  useEffect(() => {
    if (divider === null || !isBefore || asked.current === divider) return;
    asked.current = divider;
    actions.firstUnread(channelId, divider).then((message) => setFirst(message && { ...message, count }), () => {
      asked.current = null;
    });
  }, [divider, isBefore]);
  return { first: divider === null || !isBefore ? null : first, forget: () => setFirst(null) };
}

/** @param {{first: {created_at: string, count: number}, onJump: () => void, onRead: () => void}} props */
function UnreadBar({ first, onJump, onRead }) {
  return html`<div class="unread-bar" data-test="unread-bar">
    <button type="button" class="unread-jump" data-test="jump-unread" onClick=${onJump}>
      <span class="cut">${t('messages.new_since', { count: first.count, time: momentOf(first.created_at) })}</span>
      <span class="unread-way">${t('messages.to_unread')}<${Icon} name="arrow-down" /></span>
    </button>
    <${IconButton} icon="close" label=${t('keys.mark_read')} data-test="mark-read" onClick=${onRead} />
  </div>`;
}

/**
 * Where the first unread message is, and up to where it was read.
 * @param {{channel: Channel, log: Log, isReading: () => boolean,
 *   isAtEndNow: () => boolean}} about
 */
function useUnread({ channel, log, isReading, isAtEndNow }) {
  const channelId = channel.id;
  const unread = unreadOf(channelId).value;
  const [divider, setDivider] = useState(/** @type {number | null} */ (null));
  const isSettled = useRef(false);
  const wasUnread = useRef(false);
  const isWhole = log.is_loaded && connection.value.state === 'live' && (log.seq ?? 0) >= channel.last_seq;
  const cleared = readByKey.value;
  useEffect(() => {
    if (cleared > 0) setDivider(null);
  }, [cleared]);
  useEffect(() => {
    const isFirstLook = !isSettled.current;
    // What came meanwhile is a part of the first look.
    if (!log.is_loaded || (isFirstLook && !isWhole)) return;
    isSettled.current = true;
    const { first_seq: firstSeq } = unread;
    const now = { firstSeq, isFirstLook, wasUnread: wasUnread.current, isReading: isReading() };
    const next = dividerAfter(divider, now);
    // It may just have been cleared: what stays is not set.
    if (next !== divider) setDivider(next);
    wasUnread.current = firstSeq !== null;
    if (isFirstLook && firstSeq !== null) {
      const isLed = place.peek().message_id || target.peek()?.channelId === channelId;
      // Where it is not loaded the newest stay in sight; the bar above them leads to it.
      if (isAtEndNow() && !isLed) target.value = { channelId, isUnread: true };
    } else if (now.isReading) {
      actions.markRead(channelId);
      wasUnread.current = false;
    }
  });
  return { count: unread.count, divider, setDivider };
}

/**
 * Goes where one wishes to be: to the newest message, the first one, what is unread, or one by its id.
 * @param {{channel: import('../store.js').Channel, log: Log, rows: Row[], hasOlder: boolean, hasNewer: boolean,
 *   list: {current: HTMLElement | null}, scroll: ReturnType<typeof useScroll>, onOwn: () => void}} about
 * @returns {number | null} the message that was gone to, marked for a moment
 */
function useTarget({ channel, log, rows, hasOlder, hasNewer, list, scroll, onOwn }) {
  const channelId = channel.id;
  const [marked, setMarked] = useState(/** @type {number | null} */ (null));
  const wanted = target.value;
  const { message_id: linked } = place.value;
  // What comes at first may push away what is linked: one is led there once more when all has come.
  const isSettled = useRef(false);
  isSettled.current ||= connection.value.state === 'live' && (log.seq ?? -1) >= channel.last_seq;
  useEffect(() => {
    if (linked) target.value = { channelId, messageId: linked };
  }, [linked, isSettled.current]);
  useEffect(() => () => {
    if (target.peek()?.channelId === channelId) target.value = null;
  }, []);

  useLayoutEffect(() => {
    if (!wanted || wanted.channelId !== channelId) return;
    // What is not there when all has come will not come any more.
    const giveUp = () => {
      if (!log.is_loaded || log.is_loading) return;
      target.value = null;
      const all = /** @type {HTMLElement[]} */ (log.error ? [] : [...(list.current?.children ?? [])]);
      const next = wanted.messageId && all.find(({ dataset }) => Number(dataset.id) > wanted.messageId);
      if (next) scroll.toRow(next, 0.4);
    };
    // Who goes there from a row by keys goes on from there by keys.
    const hasFocus = () => !!document.activeElement?.matches('.message');
    if (wanted.isNewest) {
      if (hasNewer) return giveUp();
      if (wanted.isOwn) onOwn();
      scroll.toEnd();
      if (hasFocus()) focusRow(list, -1);
    } else if (wanted.isFirst) {
      if (hasOlder) return giveUp();
      scroll.toStart();
      if (hasFocus()) focusRow(list, 0);
    } else {
      const selector = wanted.isUnread ? '[data-key=unread]' : `[data-id="${wanted.messageId}"]`;
      const row = /** @type {HTMLElement | null | undefined} */ (list.current?.querySelector(selector));
      if (!row) return giveUp();
      scroll.toRow(row, wanted.isUnread ? 0.2 : 0.4);
      if (wanted.messageId) {
        setMarked(wanted.messageId);
        row.focus({ preventScroll: true });
      }
    }
    target.value = null;
  }, [wanted, rows, log.is_loaded, log.is_loading]);

  useEffect(() => {
    if (marked === null) return undefined;
    const timer = setTimeout(() => setMarked(null), MARKED_MS);
    return () => clearTimeout(timer);
  }, [marked]);
  return marked;
}

/**
 * Loads older and newer messages when one comes near to the end of those that are there.
 * @param {{channelId: number, log: Log, hasOlder: boolean, hasNewer: boolean,
 *   scroller: {current: HTMLElement | null}, isAtEndNow: () => boolean}} about
 * @returns {() => void} looks whether that is so
 */
function usePaging({ channelId, log, hasOlder, hasNewer, scroller, isAtEndNow }) {
  const asking = useRef(false);

  /** @param {(id: number) => Promise<any>} load */
  function ask(load) {
    if (asking.current || log.is_loading || log.error) return;
    asking.current = true;
    attempt(() => load(channelId)).finally(() => {
      asking.current = false;
    });
  }

  function loadWhatIsNear() {
    const view = scroller.current;
    if (!view || !log.is_loaded) return;
    if (hasOlder && view.scrollTop < NEAR_PX) ask(actions.loadOlder);
    else if (hasNewer && view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_PX) ask(actions.loadNewer);
  }
  useEffect(loadWhatIsNear);
  useEffect(() => {
    // A view that is full takes no more messages; at the end the tail shows the same.
    const isFull = log.view && !hasNewer && log.view.messages.length >= VIEW_MAX;
    if (isFull && isAtEndNow()) actions.jumpToNewest(channelId);
  });
  return loadWhatIsNear;
}

/**
 * @param {Row} row
 * @param {{originalOf: ReturnType<typeof originalsIn>, active: string | null, marked: number | null,
 *   where: import('./message.js').Where}} about
 */
function rowElement(row, { originalOf, active, marked, where }) {
  const { key } = row;
  if (row.kind === 'day') {
    return html`<li key=${key} data-key=${key} class="divider is-day"><span>${dayOf(row.at)}</span></li>`;
  }
  if (row.kind === 'unread') {
    return html`<li key=${key} data-key=${key} class="divider is-unread"
      data-test="unread-divider"><span>${t('messages.unread')}</span></li>`;
  }
  const isActive = key === active;
  if (row.kind === 'pending') {
    const original = originalOf(row.pending.reply_to);
    return html`<${PendingRow} key=${key} rowKey=${key} pending=${row.pending} at=${row.at} original=${original}
      isFirst=${row.isFirst} isActive=${isActive} where=${where} />`;
  }
  const original = originalOf(row.message.reply_to);
  return html`<${MessageRow} key=${key} rowKey=${key} message=${row.message} original=${original}
    isFirst=${row.isFirst} isTarget=${row.message.id === marked} isActive=${isActive} where=${where} />`;
}

/** @param {{channel: Channel}} props */
export function Messages({ channel }) {
  const channelId = channel.id;
  const log = logOf(channelId).value;
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));

  const serverId = channel.server_id;
  const rights = rightsIn(serverId).value;
  const mayRead = rights.has('read_history');
  const view = mayRead ? log.view : null;
  const messages = view?.messages ?? log.tail;
  const hasOlder = mayRead && (view ? view.has_older : log.tail_has_older);
  const hasNewer = view?.has_newer ?? false;
  const isOwner = servers.value.get(channel.server_id)?.owner_id === me.value?.id;
  const waiting = hasNewer ? NOTHING : pending.value.get(channelId) ?? NOTHING;

  const scroll = useScroll(scroller, list, !hasNewer);
  const { isAtEnd, isAtEndNow, onScroll } = scroll;
  const isReading = () => isAtEndNow() && !hasNewer && isLookedAt();
  const { count, divider, setDivider } = useUnread({ channel, log, isReading, isAtEndNow });
  const isBefore = divider !== null && log.is_loaded && hasOlder && messages.length > 0 && messages[0].seq > divider;
  const { first, forget } = useUnreadBefore({ channelId, divider, count, isBefore });
  useLook();
  const said = useSaying(channelId, log.tail);

  const meId = me.value?.id;
  const aheadMs = clockAhead.value;
  const rows = useMemo(
    () => rowsOf({ messages, pending: waiting, meId, unreadSeq: divider, hasOlder, aheadMs }),
    [messages, waiting, divider, meId, hasOlder, aheadMs],
  );
  const originalOf = useMemo(() => originalsIn(messages, hasOlder), [messages, hasOlder]);
  const where = useMemo(() => ({ rights, channelId, serverId }), [rights, channelId]);
  useColors(serverId);
  const lastKey = rows.findLast((row) => row.kind === 'message' || row.kind === 'pending')?.key ?? null;
  const active = rows.some((row) => row.key === activeRow.value) ? activeRow.value : lastKey;
  useFocusInList(list, rows, activeRow.value, focusComposer);

  const onOwn = () => setDivider(null);
  const marked = useTarget({ channel, log, rows, hasOlder, hasNewer, list, scroll, onOwn });
  useLayoutEffect(scroll.toEdited, [editing.value]);
  const loadWhatIsNear = usePaging({ channelId, log, hasOlder, hasNewer, scroller, isAtEndNow });

  return html`<div class="messages-frame">
    <div class="messages" ref=${scroller} data-test="messages" tabIndex=${0} role="region"
      aria-label=${t('messages.label', { name: channel.name })} onKeyDown=${scrollByKey}
      onScroll=${() => {
        onScroll();
        loadWhatIsNear();
      }}>
      <${Top} channel=${channel} log=${log} mayRead=${mayRead} hasOlder=${hasOlder} isOwner=${isOwner}
        isEmpty=${rows.length === 0} />
      <ol ref=${list} onKeyDown=${(/** @type {any} */ event) => {
        if (!event.target.closest('textarea')) roveFocus(event, '.message');
      }}>${rows.map((row) => rowElement(row, { originalOf, active, marked, where }))}</ol>
      ${hasNewer && (log.error ? html`<${Failed} log=${log} load=${() => actions.loadNewer(channelId)}
        isSaid=${!hasOlder} />` : html`<div class="list-end">
          ${log.is_loading && html`<span class="spinner"></span>`}</div>`)}
    </div>
    ${first && html`<${UnreadBar} first=${first} onJump=${() => {
      forget();
      showMessage(channelId, first.id);
    }} onRead=${() => readAll(channelId)} />`}
    <${Pill} count=${count} isAtEnd=${isAtEnd && !hasNewer} onClick=${() => showNewest(channelId)} />
    <div class="hidden-text" aria-live="polite">${said}</div>
  </div>`;
}
