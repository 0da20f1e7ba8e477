// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userOf } from '../../web/app/session.js';

test('a token says whose it is, or nothing', () => {
  const claims = Buffer.from(JSON.stringify({ sub: '42', jti: '~~~???' })).toString('base64url');
  assert.equal(userOf(`header.${claims}.signature`), 42);
  for (const odd of ['', 'opaque', 'a.b.c', `a.${btoa('{}')}.c`]) assert.equal(userOf(odd), null);
});
