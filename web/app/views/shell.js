// @ts-check
// The page once somebody is in: servers and channels, the messages, and what is beside them.
import { useEffect, useRef, useState } from '../../vendor/hooks.js';
import { signal } from '../../vendor/signals.js';
import { loadMembers, loadPins, retryNow, unpin } from '../actions.js';
import {
  channels,
  channelsOf,
  connection,
  foreign,
  logOf,
  me,
  members,
  people,
  place,
  servers,
  t,
  wordsOfError,
} from '../store.js';
import { Composer } from './composer.js';
import {
  Avatar,
  Icon,
  IconButton,
  Time,
  classes,
  html,
  loadStyle,
  nameOf,
  numberOf,
  personName,
  roveFocus,
} from './kit.js';
import { Content } from './message.js';
import { Messages } from './messages.js';
import {
  Navigation,
  attempt,
  dialog,
  isApple,
  isNavigationOpen,
  openDialog,
  showMessage,
  side,
  useKeys,
} from './navigation.js';

const SWIPE_PX = 64;
const KEYBOARD_MIN_PX = 100;
const DIALOGS_AFTER_MS = 500;
const SHOWN_STEP = 200;

/** How many seconds are left until then. @param {number | undefined} at */
function useSecondsTo(at) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    if (at === undefined) return undefined;
    setNow(performance.now());
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, [at]);
  return at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
}

/** Says honestly when nothing comes in. */
function Connection() {
  const { state, retry_at_ms } = connection.value;
  const seconds = useSecondsTo(state === 'offline' ? retry_at_ms : undefined);
  // What lasts a moment only is not worth a line.
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (state === 'live') return undefined;
    const timer = setTimeout(() => setLong(true), 700);
    return () => clearTimeout(timer);
  }, [state === 'live']);
  const isTrying = state === 'connecting' || seconds === 0;
  const text = isTrying ? t('connection.connecting') : t('connection.retry', { count: seconds });
  return html`<div class=${classes('connection', state !== 'live' && isLong && 'is-shown')} data-test="connection"
    data-state=${state} role="status">
    ${state !== 'live' && isLong && html`<span class="spinner"></span><span>
      ${state === 'offline' ? `${t('connection.offline')} ${text}` : text}</span>
      ${state === 'offline' && html`<button type="button" class="link" onClick=${retryNow}>${t('connection.now')}
        </button>`}`}
  </div>`;
}

/** @param {'members' | 'pins'} what */
function toggleSide(what) {
  side.value = side.value === what ? null : what;
}

/** @param {{channel?: import('../store.js').Channel}} props */
function Header({ channel }) {
  const isOwner = channel && servers.value.get(channel.server_id)?.owner_id === me.value?.id;
  const title = channel ? channel.name : 'Madang';
  return html`<header class="main-head">
    <${IconButton} icon="menu" class="to-navigation" label=${t('navigation.open')} data-test="open-navigation"
      onClick=${() => {
      isNavigationOpen.value = true;
    }} />
    ${channel && html`<${Icon} name="hash" />`}
    <h1 class="cut">${channel ? html`<button type="button" class="cut channel-name" aria-haspopup="dialog"
      title=${`${title}\n${t('channel.about')}`} data-test="channel-info"
      onClick=${(/** @type {any} */ event) => openDialog('channel_info', {
        channelId: channel.id,
        anchor: event.currentTarget.getBoundingClientRect(),
      })}>${title}</button>` : title}</h1>
    ${channel?.description ? html`<p class="topic cut" title=${channel.description}>${channel.description}
      </p>` : html`<span class="topic"></span>`}
    <${IconButton} icon="search" data-test="open-switcher"
      label=${t('switcher.open', { keys: isApple ? '⌘K' : 'Ctrl+K' })}
      onClick=${() => openDialog('switcher')} />
    ${channel && isOwner && html`<${IconButton} icon="settings" class="not-small"
      label=${t('channel.change', { name: channel.name })} onClick=${() => openDialog('channel', { channel })} />`}
    ${channel && html`<${IconButton} icon="pin" label=${t('pins.title')} data-test="pins"
      aria-pressed=${side.value === 'pins' ? 'true' : 'false'} onClick=${() => toggleSide('pins')} />
      <${IconButton} icon="people" label=${t('members.title')} data-test="members"
        aria-pressed=${side.value === 'members' ? 'true' : 'false'} onClick=${() => toggleSide('members')} />`}
  </header>`;
}

/** What there is to do where there is no channel yet. */
function Welcome() {
  const hasServers = servers.value.size > 0;
  const server = servers.value.get(place.value.server_id ?? -1);
  if (server) {
    const isMine = server.owner_id === me.value?.id;
    const hasChannels = channelsOf(server.id).length > 0;
    return html`<div class="welcome"><span class="mark" aria-hidden="true"></span>
      <h2 class="cut">${server.name}</h2>
      <p>${t(hasChannels ? 'welcome.choose_channel' : isMine ? 'channels.none_mine' : 'channels.none')}</p>
      ${!hasChannels && isMine && html`<button type="button" class="button is-primary"
        onClick=${() => openDialog('new_channel', { serverId: server.id })}>${t('channels.new')}</button>`}
    </div>`;
  }
  return html`<div class="welcome"><span class="mark" aria-hidden="true"></span>
    <h2>${t('welcome.title', { name: me.value?.display_name || me.value?.username || '' })}</h2>
    <p>${t(hasServers ? 'channels.choose_server' : 'welcome.text')}</p>
    <div class="welcome-ways">
      <button type="button" class="button is-primary" onClick=${() => openDialog('new_server')}>${t('rail.new_server')}
        </button>
      <button type="button" class="button" onClick=${() => openDialog('join')}>${t('rail.join')}</button>
    </div>
    <p class="hint">${t('welcome.hint')}</p>
  </div>`;
}

// What is beside the messages: the members of the server, or the pins of the channel.

/** @param {{title: string, children?: any}} props */
function Panel({ title, children }) {
  return html`<aside class="side" aria-label=${title}>
    <header class="side-head"><h2 class="cut">${title}</h2><${IconButton} icon="close" label=${t('dialog.close')}
      onClick=${() => {
      side.value = null;
    }} /></header>
    <div class="side-scroll">${children}</div>
  </aside>`;
}

/** @param {{userId: number, isOwner: boolean, isFirst: boolean}} props */
function Member({ userId, isOwner, isFirst }) {
  const person = people.value.get(userId) ?? (me.value?.id === userId ? me.value : null);
  const name = person ? personName(person) : nameOf(userId);
  const show = (/** @type {any} */ event) =>
    openDialog('person', { userId, anchor: event.currentTarget.getBoundingClientRect() });
  return html`<li><button type="button" class="member" data-test="member" data-id=${userId}
    tabIndex=${isFirst ? 0 : -1} title=${name} onClick=${show}>
    <${Avatar} id=${userId} name=${name} /><span class="cut">${name}</span>
    ${isOwner && html`<span class="tag">${t('members.owner')}</span>`}
  </button></li>`;
}

/** @param {{serverId: number}} props */
function Members({ serverId }) {
  const [shown, setShown] = useState(SHOWN_STEP);
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const load = () => {
    setFailure(null);
    loadMembers(serverId).catch(setFailure);
  };
  const known = members.value.get(serverId);
  const isBegun = useRef(false);
  // A list that is known may be old; what failed without a connection may go well with one.
  useEffect(() => {
    if (!isBegun.current || !known) load();
    isBegun.current = true;
  }, [!known, connection.value.state]);
  const owner = servers.value.get(serverId)?.owner_id;
  const ids = known?.user_ids ?? [];
  const named = ids.map((id) => ({ id, name: nameOf(id, people.value.get(id)?.username) }));
  named.sort((a, b) => Number(b.id === owner) - Number(a.id === owner) || a.name.localeCompare(b.name));
  const count = known?.is_complete ? numberOf(ids.length) : `${numberOf(ids.length)}+`;
  return html`<${Panel} title=${known ? t('members.title_count', { count }) : t('members.title')}>
    ${failure && html`<p class="problem">${wordsOfError(failure)}</p>`}
    ${!known && !failure && html`<p class="hint" role="status">${t('loading')}</p>`}
    <ul onKeyDown=${(/** @type {KeyboardEvent} */ event) => roveFocus(event, '.member')}>
      ${named.slice(0, shown).map(({ id }, index) => html`<${Member} key=${id} userId=${id} isOwner=${id === owner}
        isFirst=${index === 0} />`)}
    </ul>
    ${known && (named.length > shown || !known.is_complete) && html`<button type="button" class="button is-small"
      onClick=${() => {
      setShown(shown + SHOWN_STEP);
      if (!known.is_complete) load();
    }}>${t('members.more')}</button>`}
    ${ids.length === 1 && known?.is_complete && html`<p class="hint is-empty">${t('members.alone')}${' '}
      <button type="button" class="link" onClick=${() => openDialog('invite', { serverId })}>${t('server_menu.invite')}
        </button></p>`}
  <//>`;
}

/** @param {{channelId: number, isOwner: boolean}} props */
function Pins({ channelId, isOwner }) {
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  useEffect(() => {
    setFailure(null);
    loadPins(channelId).catch(setFailure);
  }, [channelId]);
  const { pins } = logOf(channelId).value;
  return html`<${Panel} title=${t('pins.title')}>
    ${failure && html`<p class="problem">${wordsOfError(failure)}</p>`}
    ${!pins && !failure && html`<p class="hint" role="status">${t('loading')}</p>`}
    ${pins?.length === 0 && html`<p class="hint is-empty">${t(isOwner ? 'pins.none_mine' : 'pins.none')}</p>`}
    <ul class="pins">
      ${pins?.map((message) => html`<li key=${message.id} class="pinned">
        <div class="pinned-head"><strong class="cut">${nameOf(message.author_id, message.author_username)}</strong>
          <${Time} at=${message.created_at} style="moment" /></div>
        <div class="pinned-text" tabIndex=${0}><${Content} text=${message.content} /></div>
        <div class="pinned-foot">
          <button type="button" class="link" onClick=${() => showMessage(channelId, message.id)}>${t('pins.show')}
            </button>
          ${isOwner && html`<button type="button" class="link"
            onClick=${() => attempt(() => unpin(channelId, message.id))}>${t('message.unpin')}</button>`}
        </div>
      </li>`)}
    </ul>
  <//>`;
}

function Side() {
  const { server_id, channel_id } = place.value;
  const server = servers.value.get(server_id ?? -1);
  if (!server) return null;
  const isOwner = server.owner_id === me.value?.id;
  if (side.value === 'members' && server_id) return html`<${Members} key=${server_id} serverId=${server_id} />`;
  if (side.value === 'pins' && channel_id) {
    return html`<${Pins} key=${channel_id} channelId=${channel_id}
      isOwner=${isOwner} />`;
  }
  return null;
}

// The page.

/** Where a keyboard covers the page without making it smaller (iOS), the page keeps to what is left. */
function useKeyboard() {
  useEffect(() => {
    const view = window.visualViewport;
    if (!view) return undefined;
    const fit = () => {
      const isCovered = view.scale === 1 && innerHeight - view.height > KEYBOARD_MIN_PX;
      document.documentElement.style.setProperty('--height', isCovered ? `${view.height}px` : '100dvh');
      if (isCovered) scrollTo(0, 0);
    };
    view.addEventListener('resize', fit);
    return () => view.removeEventListener('resize', fit);
  }, []);
}

/** Opens and closes the panels by a swipe, where there is no room for all of them. */
function useSwipe() {
  const start = useRef({ x: 0, y: 0, isOne: false });
  return {
    onTouchStart: (/** @type {TouchEvent} */ event) => {
      const [touch] = event.touches;
      const inPre = event.target instanceof Element && event.target.closest('pre, textarea, input');
      start.current = { x: touch.clientX, y: touch.clientY, isOne: event.touches.length === 1 && !inPre };
    },
    onTouchEnd: (/** @type {TouchEvent} */ event) => {
      const [touch] = event.changedTouches;
      const x = touch.clientX - start.current.x;
      const y = touch.clientY - start.current.y;
      if (!start.current.isOne || Math.abs(x) < SWIPE_PX || Math.abs(y) > Math.abs(x) / 2) return;
      if (x > 0 && side.value) side.value = null;
      else if (x > 0) isNavigationOpen.value = true;
      else if (isNavigationOpen.value) isNavigationOpen.value = false;
      else side.value = 'members';
    },
  };
}

/** Who follows a link to a server that is not theirs yet is asked whether to join it. */
function useInvitation() {
  const to = foreign.value;
  useEffect(() => {
    if (to) openDialog('join', { code: to.server_id, place: to });
  }, [to]);
}

/** What draws the dialogs, once it is loaded. @type {import('../store.js').Signal<any>} */
const drawn = signal(null);
/** @type {Promise<void> | null} */
let loading = null;

function loadDialogs() {
  const style = new URL('../../style/dialogs.css', import.meta.url);
  loading ??= Promise.all([import('./dialogs.js'), loadStyle(style)]).then(([{ Dialogs }]) => {
    drawn.value = Dialogs;
  }).catch((error) => {
    loading = null;
    throw error;
  });
  return attempt(() => loading);
}

/** The dialogs are no part of the first screen: they are loaded when it stands, or when one is wanted before. */
function Dialogs() {
  const isWanted = dialog.value !== null;
  useEffect(() => {
    const timer = setTimeout(loadDialogs, isWanted ? 0 : DIALOGS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isWanted]);
  return drawn.value && html`<${drawn.value} />`;
}

export function Shell() {
  useKeys();
  useInvitation();
  useKeyboard();
  const swipe = useSwipe();
  const channel = channels.value.get(place.value.channel_id ?? -1);
  const hasPlace = !!channel;
  const hasServer = servers.value.has(place.value.server_id ?? -1);
  const hasSide = side.value === 'pins' ? hasPlace : side.value === 'members' && hasServer;
  useEffect(() => {
    isNavigationOpen.value = !hasPlace;
  }, [hasPlace]);
  const closePanels = () => {
    isNavigationOpen.value = false;
    side.value = null;
  };
  const marks = classes(
    hasSide && 'has-side',
    isNavigationOpen.value && 'has-navigation',
    !hasPlace && 'has-no-place',
  );
  return html`<div
    class="shell ${marks}" data-test="app" ...${swipe}>
    <${Navigation}>${servers.value.size === 0 && html`<${Welcome} />`}<//>
    <button type="button" class="shade" tabIndex=${-1} aria-label=${t('dialog.close')} onClick=${closePanels}></button>
    <main class="main">
      <${Header} channel=${channel} />
      <${Connection} />
      ${channel ? html`<${Messages} key=${`m${channel.id}`} channel=${channel} /><${Composer} key=${`c${channel.id}`}
        channel=${channel} />` : html`<${Welcome} />`}
    </main>
    <${Side} />
    <${Dialogs} />
  </div>`;
}
