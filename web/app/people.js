// @ts-check
// Who people are: the profiles of authors that are met, and the members of servers.
import { call } from './api.js';
import { askOfPeople } from './frames.js';
import { keepSoon } from './keep.js';
import { PEOPLE_MAX, withPeople } from './news.js';
import { members, people, place, put } from './store.js';

const LOOKUP_MAX = 100;
const MEMBERS_PAGE = 100;
const WAITING_MAX = 1_000;

/** @type {Set<number>} */
const waiting = new Set();
/** Who was asked for since the last `ready`; from then on changes are told. @type {Set<number>} */
const fresh = new Set();
/** Servers whose lists are from before the last `ready`: members may have come and gone unheard. @type {Set<number>} */
const stale = new Set();
/** @type {any} */
let timer = null;

/** @param {{author_id?: number|null, author_username?: string, [field: string]: any}} message */
export function meet({ author_id, author_username }) {
  if (!author_id || fresh.has(author_id)) return;
  if (!people.peek().has(author_id)) {
    people.value = withPeople(people.peek(), [{ id: author_id, username: author_username ?? '' }]);
  }
  if (waiting.size < WAITING_MAX) waiting.add(author_id);
  timer ??= setTimeout(() => {
    timer = null;
    const ids = [...waiting];
    waiting.clear();
    // Without an answer their names are those that stood at the messages, until the next `ready`.
    void lookUp(ids).catch(() => {});
  }, 100);
}

/** Who is known may have changed while nothing was heard. */
export function forgetFreshness() {
  fresh.clear();
  for (const id of members.peek().keys()) stale.add(id);
}

/** After `ready`: the list of members that may be shown is read again. */
export function refreshPeople() {
  forgetFreshness();
  const { server_id } = place.peek();
  if (server_id && members.peek().has(server_id)) void loadMembers(server_id).catch(() => {});
}

/** @param {number[]} user_ids */
export async function lookUp(user_ids) {
  for (let at = 0; at < user_ids.length; at += LOOKUP_MAX) {
    const ids = user_ids.slice(at, at + LOOKUP_MAX);
    if (fresh.size > PEOPLE_MAX) fresh.clear();
    for (const id of ids) fresh.add(id);
    await askOfPeople(
      () => call('POST', 'users/lookup', { body: { ids } }),
      (told) => void (people.value = withPeople(people.peek(), told)),
    );
    keepSoon('people');
  }
}

/** The next page of a server's members; the first one where the list is old. @param {number} server_id */
export async function loadMembers(server_id) {
  const known = members.peek().get(server_id);
  const isStale = stale.has(server_id);
  if (known?.is_complete && !isStale) return;
  const after = isStale ? 0 : (known?.user_ids.at(-1) ?? 0);
  await askOfPeople(
    () => call('GET', `servers/${server_id}/members?after=${after}&limit=${MEMBERS_PAGE}`),
    (/** @type {{user_id: number, username: string, display_name: string|null, avatar_url: string|null}[]} */ page) => {
      const told = page.map((member) => ({ ...member, id: member.user_id }));
      people.value = withPeople(people.peek(), told);
      // Another page has come first, or the list has become old.
      if (isStale !== stale.has(server_id)) return;
      stale.delete(server_id);
      const before = isStale ? [] : (members.peek().get(server_id)?.user_ids ?? []);
      const user_ids = [...new Set([...before, ...told.map(({ id }) => id)])].sort((a, b) => a - b);
      put(members, server_id, { user_ids, is_complete: page.length < MEMBERS_PAGE });
    },
  );
  keepSoon('people');
}
