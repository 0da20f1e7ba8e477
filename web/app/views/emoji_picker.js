// @ts-check
// The emoji picker. Its data are loaded when it is opened for the first time.
import { useEffect, useMemo, useRef, useState } from '../../vendor/hooks.js';
import { preferences, t, wordsOfError } from '../store.js';
import { loadEmoji, searchEmoji } from '../text/emoji.js';
import { makeEnter } from './composer.js';
import { html, roveFocus } from './kit.js';
import { Modal } from './modal.js';
import { closeDialog } from './navigation.js';

const COLUMNS = 8;
const RECENT_MAX = 16;
const RECENT_KEY = 'madang.emoji';
const FIRST = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀'];

/** What was picked lately, kept in this browser. @returns {string[]} */
function keptEmoji() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT_KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((glyph) => typeof glyph === 'string' && glyph.length <= 40) : [];
  } catch {
    return [];
  }
}

/** What was picked lately, and what most people pick. */
const recentEmoji = () => [...new Set([...keptEmoji(), ...FIRST])].slice(0, RECENT_MAX);

/** @param {string} glyph */
function keepRecent(glyph) {
  try {
    localStorage.setItem(RECENT_KEY, JSON.stringify([...new Set([glyph, ...recentEmoji()])].slice(0, RECENT_MAX)));
  } catch {
    // A browser that keeps nothing offers the usual ones again.
  }
}

/** @param {{emoji: {glyph: string, name: string}[], label: string, onPick: (glyph: string) => void}} props */
function Grid({ emoji, label, onPick }) {
  return html`<section class="emoji-group" aria-label=${label}>
    <h3>${label}</h3>
    <div class="emoji-grid">
      ${emoji.map(({ glyph, name }) => html`<button type="button" key=${glyph} class="emoji-button" title=${name}
        aria-label=${name || glyph}
        tabIndex=${-1} data-glyph=${glyph} onClick=${() => onPick(glyph)}>${glyph}</button>`)}
    </div>
  </section>`;
}

/** @param {{data: any, query: string, onPick: (glyph: string) => void}} props */
function Groups({ data, query, onPick }) {
  const names = useMemo(() => {
    const all = new Map();
    for (const group of data.groups) for (const emoji of group.emoji) all.set(emoji.glyph, emoji.name);
    return all;
  }, [data]);
  if (query.trim()) {
    const found = searchEmoji(data, query).slice(0, 160);
    if (found.length === 0) return html`<p class="hint is-empty" role="status">${t('emoji.none')}</p>`;
    return html`<${Grid} emoji=${found} label=${t('emoji.found')} onPick=${onPick} />`;
  }
  const recent = recentEmoji().map((glyph) => ({ glyph, name: names.get(glyph) ?? glyph }));
  const label = t(keptEmoji().length > 0 ? 'emoji.recent' : 'emoji.often');
  return html`<${Grid} emoji=${recent} label=${label} onPick=${onPick} />
    ${data.groups.map((/** @type {any} */ group) => html`<${Grid} key=${group.key} emoji=${group.emoji}
      label=${t(`emoji.${group.key}`)} onPick=${onPick} />`)}`;
}

/** @param {{anchor?: DOMRect, onPick: (glyph: string) => any}} props */
export function EmojiPicker({ anchor, onPick }) {
  const [data, setData] = useState(/** @type {any} */ (null));
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const [query, setQuery] = useState('');
  const { language } = preferences.value;

  useEffect(() => {
    let isOpen = true;
    loadEmoji(language).then((loaded) => isOpen && setData(loaded), (error) => isOpen && setFailure(error));
    return () => {
      isOpen = false;
    };
  }, [language]);

  /** @param {string} glyph */
  function pick(glyph) {
    keepRecent(glyph);
    closeDialog();
    onPick(glyph);
  }

  const latest = useRef(/** @type {(text: string) => void} */ (() => {}));
  latest.current = (text) => {
    const [first] = data && text.trim() ? searchEmoji(data, text) : [];
    if (first) pick(first.glyph);
  };
  const enter = useRef(/** @type {any} */ (null));
  enter.current ??= makeEnter((/** @type {HTMLInputElement} */ box) => latest.current(box.value));
  const { onCompositionStart, onCompositionEnd } = enter.current;

  /** @param {KeyboardEvent} event */
  function onSearchKey(event) {
    if (enter.current.onKeyDown(event) || event.isComposing || event.keyCode === 229) return;
    const first = /** @type {HTMLElement | null} */ (document.querySelector('.emoji-button'));
    if (event.key === 'ArrowDown' && first) {
      event.preventDefault();
      first.focus();
    }
  }
  return html`<${Modal} title=${t('emoji.title')} isTitleHidden class="emoji" anchor=${anchor} onClose=${closeDialog}>
    <input type="text" inputmode="search" class="emoji-search" aria-label=${t('emoji.search')}
      placeholder=${t('emoji.search')} autofocus autocomplete="off" maxlength="60"
      onInput=${(/** @type {any} */ event) => setQuery(event.currentTarget.value)} onKeyDown=${onSearchKey}
      onCompositionStart=${onCompositionStart} onCompositionEnd=${onCompositionEnd} />
    <div class="emoji-scroll"
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => roveFocus(event, '.emoji-button', COLUMNS)}>
      ${failure && html`<p class="problem">${wordsOfError(failure)}</p>`}
      ${!data && !failure && html`<p class="hint is-empty" role="status">${t('loading')}</p>`}
      ${data && html`<${Groups} data=${data} query=${query} onPick=${pick} />`}
    </div>
  <//>`;
}
