// @ts-check
// Starts the client. The root of what is seen: the page once somebody is in (servers and channels, the messages, and
// what is beside them), or the front door; and what is told in passing and in the tab's title.
import { useEffect, useRef, useState } from '../vendor/hooks.js';
import { h, options, render } from '../vendor/preact.js';
import { signal } from '../vendor/signals.js';
import { retryNow, start, startPlaces } from './actions.js';
import { lastUser, startKeeping, startPreferences } from './disk.js';
import {
  channels, channelsOf, connection, dismiss, foreign, loadMoreWords, mayIn, me, notices, phase, place, preferences,
  servers, startWords, t, unreadTotal, wordsOfError,
} from './store.js';
import { Composer } from './views/composer.js';
import { Icon, IconButton, Mark, classes, copyText, html, loadStyle, numberOf } from './views/kit.js';
import { Messages } from './views/messages.js';
import {
  Navigation, attempt, dialog, isApple, isNavigationOpen, noChannelIn, openDialog, side, useKeys,
} from './views/navigation.js';

const TOAST_MS = 7000;
const SWIPE_PX = 64;
const KEYBOARD_MIN_PX = 100;
const REST_AFTER_MS = 500;
const AGAIN_AFTER_MS = 3000;
const ICONS = {
  plain: new URL('../favicon.svg', import.meta.url).href,
  unread: new URL('../favicon_unread.svg', import.meta.url).href,
};

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

/** @param {{channel?: import('./store.js').Channel}} props */
function Header({ channel }) {
  const mayChange = channel && mayIn(channel.server_id, 'manage_channels');
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
    ${channel && mayChange && html`<${IconButton} icon="settings" class="not-small"
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
    const mayMake = mayIn(server.id, 'manage_channels') && mayIn(server.id, 'view_channel');
    const hasChannels = channelsOf(server.id).length > 0;
    return html`<div class="welcome"><span class="mark" aria-hidden="true"></span>
      <h2 class="cut">${server.name}</h2>
      <p data-test="no-channel">${t(hasChannels ? 'welcome.choose_channel' : noChannelIn(server.id))}</p>
      ${!hasChannels && mayMake && html`<button type="button" class="button is-primary"
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

// What the first screen does without: it is loaded when that stands, or when it is wanted before.

/** @typedef {'dialogs'|'side'|'door'} Part */
/** What draws each part: the name that its module gives it. @type {Record<Part, string>} */
const PARTS = { dialogs: 'Dialogs', side: 'Side', door: 'SignIn' };
/** @type {import('./store.js').Signal<Partial<Record<Part, any>>>} */
const drawn = signal({});
/** @type {Map<Part, Promise<void>>} */
const loadings = new Map();

/** @type {Promise<unknown> | null} */
let rest = null;

/** The style and the words that dialogs and what is beside the messages have together. */
function loadRest() {
  const style = new URL('../style/dialogs.css', import.meta.url);
  rest ??= Promise.all([loadStyle(style), loadMoreWords('dialogs')]).catch((error) => {
    rest = null;
    throw error;
  });
  return rest;
}

/** @param {Part} part @returns {Promise<void>} */
function load(part) {
  const begun = loadings.get(part);
  if (begun) return begun;
  const more = part === 'door' ? [] : [loadRest()];
  const run = Promise.all([import(`./views/${part}.js`), ...more]).then(([module]) => {
    drawn.value = { ...drawn.peek(), [part]: module[PARTS[part]] };
  }).catch((error) => {
    loadings.delete(part);
    throw error;
  });
  loadings.set(part, run);
  return run;
}

/** @param {Part} part @param {boolean} isWanted before the first screen has stood for a while */
function useRest(part, isWanted) {
  useEffect(() => {
    const timer = setTimeout(() => attempt(() => load(part)), isWanted ? 0 : REST_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isWanted]);
  return drawn.value[part];
}

function Dialogs() {
  const Open = useRest('dialogs', dialog.value !== null);
  useRest('door', false);
  return Open && html`<${Open} />`;
}

/** Who is in a server comes when the line is there. */
function Side() {
  const Beside = useRest('side', side.value !== null && connection.value.state === 'live');
  return Beside ? html`<${Beside} />` : html`<div class="side"></div>`;
}

/** Without a line it comes when that is back. */
function Door() {
  const [tries, setTries] = useState(0);
  useEffect(() => {
    load('door').catch(() => setTimeout(setTries, AGAIN_AFTER_MS, tries + 1));
  }, [tries]);
  const SignIn = drawn.value.door;
  return SignIn ? html`<${SignIn} />` : html`<${Starting} />`;
}

function Shell() {
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
    ${hasSide && html`<${Side} />`}
    <${Dialogs} />
  </div>`;
}

// What is told in passing, and where nobody is in.

/** @param {{notice: import('./store.js').Notice}} props */
function Toast({ notice }) {
  const { word, count = 0, name = '', text } = notice;
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    // What somebody wrote is not to go before it has been copied.
    if (text) return undefined;
    const timer = setTimeout(() => dismiss(notice.key), TOAST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<div class=${classes('toast', `is-${notice.kind}`)} data-test="toast">
    <${Icon} name=${notice.kind === 'info' ? 'check' : 'alert'} />
    <p>${word ? t(word, { count, name }) : wordsOfError(notice)}</p>
    ${text && html`<button type="button" class="button is-small" data-test="copy-lost"
      onClick=${async () => setCopied(await copyText(text))}>${t(isCopied ? 'invite.copied' : 'notice.copy')}</button>`}
    <${IconButton} icon="close" label=${t('dialog.close')} onClick=${() => dismiss(notice.key)} />
  </div>`;
}

/** What is told in passing. */
function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${notices.value.map((notice) => html`<${Toast} key=${notice.key} notice=${notice} />`)}</div>`;
}

/** Says in the title and the icon of the tab where one is and how much is unread. */
function Title() {
  const total = unreadTotal.value;
  const channel = channels.value.get(place.value.channel_id ?? -1);
  const server = servers.value.get(place.value.server_id ?? -1);
  const where = [channel && `#${channel.name}`, server?.name, 'Madang'].filter(Boolean).join(' · ');
  useEffect(() => {
    document.title = total > 0 ? `(${numberOf(total)}) ${where}` : where;
  }, [total, where]);
  useEffect(() => {
    const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel~=icon]'));
    const icon = total > 0 ? ICONS.unread : ICONS.plain;
    if (link && link.href !== icon) link.href = icon;
  }, [total > 0]);
  return null;
}

/** The language and the theme, said to the browser. */
function useLooks() {
  const { language, theme } = preferences.value;
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dataset.theme = theme;
  }, [language, theme]);
}

function Starting() {
  return html`<main class="door is-starting" aria-busy="true"><${Mark} /><h1 class="hidden-text">Madang</h1><p
    class="hint" role="status">${t('loading')}</p></main>`;
}

function Unreachable() {
  return html`<main class="door"><div class="door-card">
    <header class="door-head"><${Mark} /><h1>${t('unreachable.title')}</h1><p>${t('unreachable.text')}</p></header>
    <button type="button" class="button is-primary" onClick=${retryNow}>${t('again')}</button>
  </div></main>`;
}

const SCREENS = { starting: Starting, signed_out: Door, in: Shell, unreachable: Unreachable };

function App() {
  useLooks();
  return html`<${SCREENS[phase.value]} /><${Toasts} /><${Title} />`;
}

// What comes at once is drawn at once: a burst of frames, as after a reconnection, would take a drawing each.
const drawing = new MessageChannel();
options.debounceRendering = (draw) => {
  drawing.port1.onmessage = () => draw();
  drawing.port2.postMessage(null);
};

const root = document.getElementById('app');
if (!root) throw new Error('the page has no #app');
startPreferences();
startKeeping();
startPlaces();
// The node is asked while the words come: one round trip less before anything is seen.
void start();
if (lastUser() === null) load('door').catch(() => {});
await startWords();
render(h(App, {}), root);
