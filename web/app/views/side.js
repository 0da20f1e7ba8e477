// @ts-check
// What is beside the messages: the members of the server, or the pins of the channel. Loaded when the first screen
// stands.
import { useEffect, useRef, useState } from '../../vendor/hooks.js';
import { loadMembers, loadPins, unpin } from '../actions.js';
import { hoistOf, inOrder } from '../ranks.js';
import {
  channels, connection, logOf, mayIn, me, members, people, place, roles, servers, standingOf, t, wordsOfError,
} from '../store.js';
import { Avatar, IconButton, Time, colored, html, nameOf, numberOf, personName, roveFocus } from './kit.js';
import { Content } from './message.js';
import { attempt, openDialog, showMessage, side } from './navigation.js';

const SHOWN_STEP = 200;

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

/** @param {{userId: number, serverId: number, isOwner: boolean, isFirst: boolean}} props */
function Member({ userId, serverId, isOwner, isFirst }) {
  const person = people.value.get(userId) ?? (me.value?.id === userId ? me.value : null);
  const name = person ? personName(person) : nameOf(userId);
  const show = (/** @type {any} */ event) =>
    openDialog('person', { userId, anchor: event.currentTarget.getBoundingClientRect() });
  return html`<li><button type="button" class="member" data-test="member" data-id=${userId}
    tabIndex=${isFirst ? 0 : -1} title=${name} onClick=${show}>
    <${Avatar} id=${userId} name=${name} /><span class="cut" ...${colored(userId, serverId)}>${name}</span>
    ${isOwner && html`<span class="tag">${t('members.owner')}</span>`}
  </button></li>`;
}

/** @typedef {{id: number, name: string}} Named */

/**
 * Those of the highest hoisted role first, then each in the group of theirs, and whoever has none in the last one.
 * @param {number} serverId @param {Named[]} named
 * @returns {{key: string, title: string, list: Named[]}[]} those that have somebody; one without a title where nobody
 *   is listed by a role
 */
function groupsOf(serverId, named) {
  const all = roles.value.get(serverId) ?? [];
  const hoisted = inOrder(all).filter(({ hoist }) => hoist);
  const placed = named.map((person) => ({ person, role: hoistOf(all, standingOf(serverId, person.id)) }));
  const among = (/** @type {number|undefined} */ id) =>
    placed.filter(({ role }) => role?.id === id).map(({ person }) => person);
  const groups = hoisted.map(({ id, name }) => ({ key: `r${id}`, title: name, list: among(id) }));
  const rest = { key: 'rest', title: t('members.others'), list: among(undefined) };
  const filled = [...groups, rest].filter(({ list }) => list.length > 0);
  return filled.length === 1 && filled[0] === rest ? [{ ...rest, title: '' }] : filled;
}

/** @param {{serverId: number, named: Named[]}} props */
function Groups({ serverId, named }) {
  const owner = servers.value.get(serverId)?.owner_id;
  return html`<div class="member-groups" onKeyDown=${(/** @type {KeyboardEvent} */ event) =>
    roveFocus(event, '.member')}>
    ${groupsOf(serverId, named).map(({ key, title, list }, group) => html`<section key=${key}>
      ${title && html`<h3 class="member-group" data-test="member-group" id="group-${key}"><span class="cut">${title}
        </span> <span>${numberOf(list.length)}</span></h3>`}
      <ul aria-labelledby=${title ? `group-${key}` : undefined}>
        ${list.map(({ id }, index) => html`<${Member} key=${id} userId=${id} serverId=${serverId}
          isOwner=${id === owner} isFirst=${group === 0 && index === 0} />`)}
      </ul>
    </section>`)}
  </div>`;
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
    <${Groups} serverId=${serverId} named=${named.slice(0, shown)} />
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

/** @param {{channelId: number, mayPin: boolean, mayRead: boolean}} props */
function Pins({ channelId, mayPin, mayRead }) {
  const serverId = channels.value.get(channelId)?.server_id;
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  useEffect(() => {
    setFailure(null);
    loadPins(channelId).catch(setFailure);
  }, [channelId, mayRead]);
  const pins = mayRead ? logOf(channelId).value.pins : null;
  return html`<${Panel} title=${t('pins.title')}>
    ${failure && html`<p class="problem">${wordsOfError(failure)}</p>`}
    ${!mayRead && html`<p class="hint is-empty">${t('messages.no_history')}</p>`}
    ${mayRead && !pins && !failure && html`<p class="hint" role="status">${t('loading')}</p>`}
    ${pins?.length === 0 && html`<p class="hint is-empty">${t(mayPin ? 'pins.none_mine' : 'pins.none')}</p>`}
    <ul class="pins">
      ${pins?.map((message) => html`<li key=${message.id} class="pinned">
        <div class="pinned-head"><strong class="cut" ...${colored(message.author_id, serverId)}>
          ${nameOf(message.author_id, message.author_username)}</strong>
          <${Time} at=${message.created_at} style="moment" /></div>
        <div class="pinned-text" tabIndex=${0}><${Content} text=${message.content} /></div>
        <div class="pinned-foot">
          <button type="button" class="link" onClick=${() => showMessage(channelId, message.id)}>${t('pins.show')}
            </button>
          ${mayPin && html`<button type="button" class="link"
            onClick=${() => attempt(() => unpin(channelId, message.id))}>${t('message.unpin')}</button>`}
        </div>
      </li>`)}
    </ul>
  <//>`;
}

export function Side() {
  const { server_id, channel_id } = place.value;
  if (!server_id || !servers.value.has(server_id)) return null;
  if (side.value === 'members') return html`<${Members} key=${server_id} serverId=${server_id} />`;
  if (side.value === 'pins' && channel_id) {
    return html`<${Pins} key=${channel_id} channelId=${channel_id} mayPin=${mayIn(server_id, 'pin_messages')}
      mayRead=${mayIn(server_id, 'read_history')} />`;
  }
  return null;
}
