// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE } from '../../web/app/pages.js';
import {
  merged,
  TAIL_MAX,
  VIEW_MAX,
  viewAround,
  viewOf,
  withNewer,
  withNewest,
  withOlder,
  withPageAfter,
  withPageBefore,
} from '../../web/app/reducer.js';
import { emptyLog } from '../../web/app/store.js';

const message = (id, more = {}) => ({
  id,
  seq: id,
  channel_id: 5,
  content: `text ${id}`,
  author_id: 2,
  author_username: 'june',
  created_at: '2026-01-31T12:00:00Z',
  updated_at: '2026-01-31T12:00:00Z',
  reactions: [],
  ...more,
});
const run = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const ids = (messages) => messages.map(({ id }) => id);
const log = (more = {}) => ({ ...emptyLog(5), seq: 1_000, ...more });

test('the newest page fills the log, up to the last entry that was counted', () => {
  const next = withNewest(log({ seq: 98 }), run(51, 100), PAGE);
  assert.deepEqual(ids(next.tail), ids(run(51, 98)));
  assert.equal(next.tail_has_older, true);
  assert.equal(next.is_loaded, true);
  assert.equal(withNewest(log(), run(1, 7), PAGE).tail_has_older, false);
});

test('what was heard while a page was read stays behind it', () => {
  const next = withNewest(log({ seq: 103, tail: run(101, 103) }), run(51, 100), PAGE);
  assert.deepEqual(
    ids(next.tail),
    ids(run(51, 103)).filter((id) => id !== undefined),
  );
});

test('the tail is bounded and a page that does not reach it leaves no hole', () => {
  const heard = run(801, 1_000);
  const next = withNewest(log({ tail: heard, tail_has_older: true }), run(700, 749), PAGE);
  assert.deepEqual(ids(next.tail), ids(heard));
  assert.equal(next.tail_has_older, true);
  assert.equal(withNewest(log({ tail: heard }), run(751, 850), 100).tail.length, TAIL_MAX);
});

test('of a message that was heard exactly its reactions stay, and the newer text counts', () => {
  const heard = message(1, { reactors: { '👍': [2] }, reactions: [{ emoji: '👍', count: 1, me: false }] });
  const [same] = merged([heard], [message(1, { content: 'the same' })]);
  assert.equal(same, heard);
  const [newer] = merged([heard], [message(1, { content: 'newer', updated_at: '2026-01-31T12:00:01Z' })]);
  assert.equal(newer.content, 'newer');
  assert.deepEqual(newer.reactors, { '👍': [2] });
});

test('scrolling back to the first message and down again shows each once, within the bound', () => {
  const all = run(1, 1_000);
  let current = log({ tail: all.slice(-TAIL_MAX), tail_has_older: true, is_loaded: true });
  while (viewOf(current).has_older) {
    const before = viewOf(current).messages[0].id;
    const page = all.filter(({ id }) => id < before).slice(-PAGE);
    current = { ...current, view: withOlder(viewOf(current), page, PAGE) };
    assert.ok(current.view.messages.length <= VIEW_MAX);
  }
  assert.equal(current.view.messages[0].id, 1);
  assert.equal(current.view.has_newer, true);
  while (current.view.has_newer) {
    const after = current.view.messages.at(-1).id;
    const page = all.filter(({ id }) => id > after).slice(0, PAGE);
    current = { ...current, view: withNewer(current, current.view, page, PAGE) };
    const shown = ids(current.view.messages);
    assert.deepEqual(shown, ids(run(shown[0], shown.at(-1))));
    assert.ok(shown.length <= VIEW_MAX);
  }
  assert.equal(current.view.messages.at(-1).id, 1_000);
  assert.equal(current.view.has_older, true);
});

test('a page down that reaches what has not been heard yet joins the tail without it', () => {
  const current = log({ seq: 110, tail: run(100, 110), is_loaded: true });
  const view = withNewer(
    current,
    { messages: run(1, 60), has_older: false, has_newer: true },
    run(61, 115).slice(0, PAGE + 5),
    PAGE,
  );
  assert.deepEqual(ids(view.messages), ids(run(1, 110)));
  assert.equal(view.has_newer, false);
});

test('a jump near the newest joins the tail, one far away does not', () => {
  const current = log({ tail: run(951, 1_000), is_loaded: true });
  const near = viewAround(current, run(930, 979), { has_older: true, limit: PAGE });
  assert.equal(near.has_newer, false);
  assert.deepEqual(ids(near.messages), ids(run(930, 1_000)));
  const far = viewAround(current, run(200, 249), { has_older: true, limit: PAGE });
  assert.equal(far.has_newer, true);
  assert.equal(far.has_older, true);
});

test('a page comes only into the view that it was asked for', () => {
  const there = { messages: run(500, 600), has_older: true, has_newer: true };
  const elsewhere = { messages: run(100, 200), has_older: true, has_newer: true };
  const older = withPageBefore(log({ view: there }), 500, run(450, 499), PAGE);
  assert.deepEqual(ids(older.view.messages), ids(run(450, 600)));
  const newer = withPageAfter(log({ view: there }), 600, run(601, 650), PAGE);
  assert.deepEqual(ids(newer.view.messages), ids(run(500, 650)));
  for (const view of [elsewhere, null]) {
    const other = log({ view, tail: run(951, 1_000), is_loaded: true });
    assert.equal(withPageBefore(other, 500, run(450, 499), PAGE), other);
    assert.equal(withPageAfter(other, 600, run(601, 650), PAGE), other);
  }
});
