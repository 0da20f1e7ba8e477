// @ts-check
// The quick switcher: a few letters find a server, a channel or a person.
import { useId, useLayoutEffect, useMemo, useRef, useState } from '../../vendor/hooks.js';
import { channels, people, place, servers, t, unreadOf } from '../store.js';
import { fitOfName, wishOf } from '../text/names.js';
import { makeEnter } from './composer.js';
import { Avatar, Icon, classes, html, personName } from './kit.js';
import { Modal } from './modal.js';
import { closeDialog, openDialog, showChannel, showServer } from './navigation.js';

const SHOWN_MAX = 40;

/**
 * @typedef {{key: string, kind: 'channel' | 'server' | 'person', id: number, name: string, of: string, search: string,
 *   weight: number}} Entry
 */

/** @returns {Entry[]} */
function entries() {
  const { server_id, channel_id } = place.value;
  const found = /** @type {Entry[]} */ ([]);
  for (const channel of channels.value.values()) {
    const of = servers.value.get(channel.server_id)?.name ?? '';
    const { id, name } = channel;
    const isNear = channel.server_id === server_id && id !== channel_id;
    const weight = (isNear ? 2 : -1) + (unreadOf(id).value.count > 0 ? 4 : 0);
    found.push({ key: `c${id}`, kind: 'channel', id, name, of, search: name, weight });
  }
  for (const { id, name } of servers.value.values()) {
    found.push({ key: `s${id}`, kind: 'server', id, name, of: t('switcher.server'), search: name, weight: 1 });
  }
  for (const person of people.value.values()) {
    const { id, username } = person;
    const name = personName(person);
    const search = `${name} ${username}`;
    found.push({ key: `p${id}`, kind: 'person', id, name, of: `@${username}`, search, weight: 0 });
  }
  return found;
}

/** @param {string} query */
function find(query) {
  const wish = wishOf(query.trim().replace(/^[#@]/, ''));
  const kind = { '#': 'channel', '@': 'person' }[query.trim()[0]];
  return entries()
    .filter((entry) => !kind || entry.kind === kind)
    .map((entry) => ({ entry, fit: fitOfName(entry.search, wish) }))
    .filter(({ fit }) => fit >= 0)
    .sort((a, b) => b.fit + b.entry.weight - a.fit - a.entry.weight || a.entry.name.length - b.entry.name.length)
    .slice(0, SHOWN_MAX)
    .map(({ entry }) => entry);
}

/** @param {Entry} entry */
function choose(entry) {
  closeDialog();
  if (entry.kind === 'channel') showChannel(entry.id);
  else if (entry.kind === 'server') showServer(entry.id);
  else openDialog('person', { userId: entry.id });
}

/** @param {{entry: Entry, id: string, isChosen: boolean}} props */
function Row({ entry, id, isChosen }) {
  const icon = entry.kind === 'person' ? html`<${Avatar} id=${entry.id} name=${entry.name} size="small" />`
    : html`<${Icon} name=${entry.kind === 'channel' ? 'hash' : 'home'} />`;
  return html`<li role="option" id=${id} class=${classes('switcher-row', isChosen && 'is-chosen')}
    aria-selected=${isChosen ? 'true' : 'false'}
    onClick=${() => choose(entry)}>
    ${icon}<span class="cut" title=${entry.name}>${entry.name}</span><span class="cut muted">${entry.of}</span>
  </li>`;
}

export function Switcher() {
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const id = useId();
  const found = useMemo(() => find(query), [query, channels.value, servers.value, people.value]);
  const now = Math.min(chosen, found.length - 1);
  const latest = useRef(now);
  latest.current = Math.max(now, 0);

  useLayoutEffect(() => {
    list.current?.querySelector('.is-chosen')?.scrollIntoView({ block: 'nearest' });
  }, [now, found]);

  const enter = useRef(/** @type {any} */ (null));
  // What is in the box counts: the list may not show it yet.
  enter.current ??= makeEnter((/** @type {HTMLInputElement} */ box) => {
    const all = find(box.value);
    const entry = all[Math.min(latest.current, all.length - 1)];
    if (entry) choose(entry);
  });
  const { onCompositionStart, onCompositionEnd } = enter.current;

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    if (enter.current.onKeyDown(event) || event.isComposing || event.keyCode === 229) return;
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 });
    if (event.key in steps && found.length > 0) {
      event.preventDefault();
      setChosen((now + steps[event.key] + found.length) % found.length);
    }
  }
  return html`<${Modal} title=${t('switcher.title')} isTitleHidden class="switcher" onClose=${closeDialog}>
    <input type="text" role="combobox" data-test="switcher" aria-label=${t('switcher.title')}
      placeholder=${t('switcher.placeholder')} autofocus autocomplete="off"
      spellcheck=${false} maxlength="100" aria-expanded="true" aria-controls="${id}-list" aria-autocomplete="list"
      aria-activedescendant=${found[now] ? `${id}-${found[now].key}` : undefined}
      onInput=${(/** @type {any} */ event) => {
        setQuery(event.currentTarget.value);
        setChosen(0);
      }} onKeyDown=${onKeyDown} onCompositionStart=${onCompositionStart} onCompositionEnd=${onCompositionEnd} />
    <ul role="listbox" id="${id}-list" ref=${list} aria-label=${t('switcher.found')}>
      ${found.map((entry, index) => html`<${Row} key=${entry.key} id="${id}-${entry.key}" entry=${entry}
        isChosen=${index === now} />`)}
    </ul>
    ${found.length === 0 && html`<p class="hint is-empty" role="status">${t('switcher.none')}</p>`}
    <p class="hint switcher-hint">${t('switcher.hint')}</p>
  <//>`;
}
