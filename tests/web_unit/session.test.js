// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standFor, userOf } from '../../web/app/session.js';

test('a token says whose it is, or nothing', () => {
  const claims = Buffer.from(JSON.stringify({ sub: '42', jti: '~~~???' })).toString('base64url');
  assert.equal(userOf(`header.${claims}.signature`), 42);
  for (const odd of ['', 'opaque', 'a.b.c', `a.${btoa('{}')}.c`]) assert.equal(userOf(odd), null);
});

/** Web Locks of one name. */
function makeLocks() {
  let isHeld = false;
  const queue = [];
  const grant = async (run) => {
    isHeld = true;
    await run({});
    isHeld = false;
    queue.shift()?.();
  };
  return {
    request: async (_name, { ifAvailable }, run) => {
      if (!isHeld) return grant(run);
      if (ifAvailable) return run(null);
      return new Promise((resolve) => queue.push(() => resolve(grant(run))));
    },
  };
}

test('a tab holds the gateway where nobody does, else it asks who does, without a wait, and is the next', async () => {
  const page = { baseURI: 'https://host/', visibilityState: 'visible', addEventListener() {}, removeEventListener() {} };
  Object.defineProperty(globalThis, 'document', { value: page, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: { locks: makeLocks() }, configurable: true });
  const said = [];
  const callbacks = (name) => ({
    onHold: () => said.push(`${name} holds`),
    onLose: () => said.push(`${name} loses`),
    ask: () => said.push(`${name} asks`),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const first = standFor(1, callbacks('first'));
  await turn();
  const second = standFor(1, callbacks('second'));
  await turn();
  assert.deepEqual(said, ['first holds', 'second asks']);
  first.leave();
  await turn();
  assert.deepEqual(said, ['first holds', 'second asks', 'second holds']);
  second.leave();
});
