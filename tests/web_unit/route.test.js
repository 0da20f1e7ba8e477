// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, linkTo, placeOf, placeOfLink } from '../../web/app/store.js';

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

const MESSAGE = { server_id: 1, channel_id: 2, message_id: 30 };

test('a link to a message leads to it, from wherever in the page it was made', () => {
  for (const page of ['http://localhost:8000/', 'https://madang.example/chat/', 'https://madang.example/chat/#/servers/7']) {
    const link = linkTo(MESSAGE, page);
    assert.equal(link, `${page.split('#')[0]}#/servers/1/channels/2/messages/30`);
    assert.deepEqual(placeOfLink(link, page), MESSAGE);
  }
});

test('a link to anywhere else leads to no place', () => {
  const page = 'https://madang.example/chat/';
  const hash = hashOf(MESSAGE);
  for (const link of [
    `https://madang.example/${hash}`,
    `https://madang.example/chat/docs${hash}`,
    `https://madang.example/chat/?a=b${hash}`,
    `https://other.example/chat/${hash}`,
    `http://madang.example/chat/${hash}`,
    `https://madang.example:8443/chat/${hash}`,
    `${page}#javascript:alert(1)`,
    page,
    'mailto:mina@madang.example',
    'no address',
    '',
  ]) {
    assert.deepEqual(placeOfLink(link, page), {}, link);
  }
});
