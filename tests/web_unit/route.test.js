// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, placeOf } from '../../web/app/store.js';

test('a place goes into the address and comes back', () => {
  for (const place of [
    {},
    { server_id: 1 },
    { server_id: 1, channel_id: 2 },
    { server_id: 1, channel_id: 2, message_id: 9007199254740991 },
  ]) {
    assert.deepEqual(placeOf(hashOf(place)), place);
  }
});

test('what is no route is no place', () => {
  for (const hash of [
    '',
    '#',
    '#/',
    '#/servers',
    '#/servers/x',
    '#/servers/1/channels',
    '#/servers/-1',
    '#/servers/1e3',
    '#/servers/1/channels/2/messages/3/4',
    '#/servers/9999999999999999',
    '#javascript:alert(1)',
  ]) {
    assert.deepEqual(placeOf(hash), {}, hash);
  }
});

test('a slash at the end does not matter', () => {
  assert.deepEqual(placeOf('#/servers/1/channels/2/'), { server_id: 1, channel_id: 2 });
});
