// @ts-check
// What is shown beside the messages: the members of the server, or the pins of the channel.
import { useEffect, useRef, useState } from '../../vendor/hooks.js';
import { loadMembers, loadPins, unpin } from '../actions.js';
import { connection, logOf, me, members, people, place, servers } from '../store.js';
import { t, wordsOfError } from '../words.js';
import { Content } from './content.js';
import { Avatar, IconButton, Time, html, nameOf, numberOf, personName, roveFocus } from './kit.js';
import { attempt, openDialog, showMessage, side } from './screen.js';

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
        <div class="pinned-text"><${Content} text=${message.content} /></div>
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

export function Side() {
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
