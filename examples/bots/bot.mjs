// A bot for Madang that answers !ping, !roll 2d6 and !help, each once, whatever is stopped or cut off meanwhile. README.md
// beside it says how to run it and what each part is for. A "step" is one of "Missing nothing" in docs/PROTOCOL.md.
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

const fail = (why) => { throw Object.assign(new Error(why), { isFinal: true }); };
const url = (process.env.MADANG_URL ?? 'http://127.0.0.1:8000').replace(/\/+$/, '');
const { BOT_NAME: name = 'dice', BOT_EMAIL: email = `${name}@example.com`, BOT_STATE: file = `${name}.state.json` } = process.env;
const [HEARD_MAX, KEPT_MAX, SENT_MAX, LOOK_BACK] = [500, 256, 32, 100]; // channels; answers; on their way; entries after a resync
const AGAIN = [408, 425, 429, 500, 502, 503, 504], FINAL = [1002, 1003, 1007, 1009, 4400, 4403, 4404]; // statuses; close codes
const SOCKET = { perMessageDeflate: false, maxPayload: 2 ** 24, handshakeTimeout: 10_000, closeTimeout: 5_000 };

function answer(content) { // what the bot says to a message, or undefined: change this first
  const [word, dice] = content.trim().split(/\s+/);
  const [, count, sides] = (word === '!roll' && /^([1-9][0-9]?)d([1-9][0-9]{0,2})$/.exec(dice)) || [];
  const rolls = Array.from({ length: count ?? 0 }, () => randomInt(1, Number(sides) + 1));
  if (count) return `${dice}: ${rolls.join(' + ')} = ${rolls.reduce((sum, roll) => sum + roll)}`;
  return { '!ping': 'pong', '!roll': 'Up to 99 dice, like this: !roll 2d6', '!help': '!ping, !roll 2d6, !help' }[word];
}

const state = existsSync(file) ? JSON.parse(readFileSync(file)) : { servers: [] };
const places = (of = {}) => new Map(Object.entries(of).map(([id, at]) => [Number(id), at]));
const servers = new Set(state.servers), seen = places(state.seen), epochs = places(state.epochs); // how far, and in which log
const kept = new Map(); // by its nonce each answer until it is acknowledged, with its question's seq
let heard = new Map(), sent = new Map(), saved, tokens, me, socket, renewAt = Infinity, tries = 0; // the first two: see pump
const stop = new AbortController();
stop.signal.addEventListener('abort', () => socket?.close(1000));

async function call(path, body, fine) { // posts until it is answered; a refusal `fine`, status or code, is undefined
  const headers = { 'content-type': 'application/json', ...(tokens && { authorization: `Bearer ${tokens.access_token}` }) };
  for (let tries = 0; ; tries++) {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]);
    const got = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body), signal }).catch((error) => error);
    const said = await got.json?.().catch(() => undefined); // undefined: no answer, or none of Madang's
    if (said && (got.ok || fine === got.status || fine === said.code)) return got.ok ? said : undefined;
    if (said && !AGAIN.includes(got.status)) fail(`${path}: ${got.status} ${said.code}: ${JSON.stringify(said.detail)}`);
    await again(path, got.status ?? got.cause ?? got, tries, got.headers?.get('retry-after')); // soon at first, for step 6
  }
}

function again(what, why, tries, after = 0) { // waits: a random time that grows, beyond the seconds that the node wants
  const wait = Math.round(1000 * ((parseFloat(after) || 0) + Math.random() * Math.min(2 ** tries, 30)));
  if (!stop.signal.aborted) console.error(`${what}: ${why}. Again in ${wait} ms`);
  return sleep(wait, undefined, { signal: stop.signal });
}

async function renew() { // step 6: the next token, or one of a new login, or of a new account
  renewAt = Infinity;
  const login = { username: name, password: process.env.BOT_PASSWORD || fail('BOT_PASSWORD is missing') };
  const next = tokens && (await call('/auth/refresh', { refresh_token: tokens.refresh_token }, 401));
  const got = next ?? (await call('/auth/login', login, 'invalid_credentials'));
  if (!got) await call('/auth/register', { ...login, email }, 'username_taken');
  tokens = got ?? (await call('/auth/login', login));
  renewAt = performance.now() + 900 * tokens.expires_in;
}

const hear = (token) => new Promise((resolve) => { // tells what has ended the gateway
  [me, heard, sent] = [undefined, new Map(), new Map()];
  let isAlive = true, refusal, failure;
  const ws = (socket = new WebSocket(`ws${url.slice(4)}/gateway`, SOCKET));
  const beat = setInterval(() => { isAlive ? ws.ping() : ws.terminate(); isAlive = false; }, 25_000);
  ws.on('open', () => say({ type: 'identify', token }));
  ws.on('pong', () => { isAlive = true; });
  ws.on('message', (text) => { take(JSON.parse(text)); pump(); });
  ws.on('unexpected-response', (_, got) => { refusal = got; ws.terminate(); });
  ws.on('error', (error) => { failure ??= error; heard.clear(); ws.terminate(); });
  ws.on('close', (code, why) => { clearInterval(beat); resolve({ code: refusal?.statusCode ?? code, refusal, why: failure ?? why }); });
});

function take(frame) {
  const { type, channel_id: channel, nonce, duplicate, retry_after_ms: wait, seq, from = seq, to = seq } = frame;
  if (kept.has(nonce) && (type === 'ack' || duplicate || frame.author_id === me)) kept.delete(nonce); // step 3
  if (duplicate || type === 'ack' || type === 'subscribed') return; // they have a `seq`, and are no entries
  if (type === 'ready' || type === 'server.joined') {
    me = frame.user?.id ?? me;
    for (const server of frame.servers ?? [frame]) enter(server.id, server.channels ?? []);
    console.error(`${name} hears ${heard.size} channels`);
  } else if (type === 'channel.created' && servers.has(frame.server_id)) enter(frame.server_id, [frame]);
  else if (type === 'replay.done') { tries = 0; epochs.set(channel, frame.epoch); }
  else if (type === 'unsubscribed' && [undefined, 'restart'].includes(frame.reason)) heard.set(channel, 0);
  else if (type === 'unsubscribed') heard.delete(channel);
  else if (type === 'resync') { // what the log has of our answers will be duplicates, what it has lost is said again
    seen.set(channel, Math.max(0, seq - LOOK_BACK)); epochs.set(channel, frame.epoch);
    for (const [key, { channel_id }] of kept) if (channel_id === channel) kept.delete(key);
    leave(channel);
  } else if (wait && (nonce ?? channel)) (nonce ? sent : heard).set(nonce ?? channel, performance.now() + wait); // step 4
  else if (type === 'error') {
    console.error(JSON.stringify(frame));
    kept.delete(nonce); // where it is `nonce_conflict`, the question has its answer
    if (['not_a_member', 'channel_not_found'].includes(frame.code)) heard.delete(channel);
  } else if (to && heard.get(channel) === Infinity) {
    if (from !== seen.get(channel) + 1) return socket.emit('error', new Error(`${from} came after ${seen.get(channel)}`));
    const content = type === 'message.created' && frame.author_id !== me ? answer(frame.content) : undefined;
    if (content && kept.size === KEPT_MAX) return leave(channel); // until there is room: then from here
    if (content) kept.set(`answer-${frame.id}`, { channel_id: channel, content, reply_to: frame.id, to });
    seen.set(channel, to);
    if (process.argv.includes('--log')) console.log(JSON.stringify(frame));
  }
}

function enter(server, channels) { // begins with what comes next, but with the first entry in a server that it knows
  for (const { id, last_seq } of channels) {
    if (!seen.has(id)) seen.set(id, servers.has(server) ? 0 : last_seq);
    if (!heard.has(id)) heard.set(id, 0);
  }
  servers.add(server);
}

const say = (frame) => socket.send(JSON.stringify(frame));
const leave = (channel) => { heard.delete(channel); say({ type: 'unsubscribe', channel_id: channel }); };

function pump() { // step 2, and what is possible since. heard, sent: when to subscribe or send; not again, where Infinity
  const now = me ? performance.now() : -1, room = HEARD_MAX - [...heard.values()].filter((since) => since === Infinity).length;
  const due = [...heard.keys()].filter((id) => heard.get(id) <= now && kept.size < KEPT_MAX / 2).slice(0, room);
  due.forEach((id) => heard.set(id, Infinity));
  if (due.length) say({ type: 'subscribe', channels: due.map((id) => ({ channel_id: id, after: seen.get(id), epoch: epochs.get(id) })) });
  for (const [nonce, { to, ...answer }] of [...kept].slice(0, SENT_MAX)) {
    if ((sent.get(nonce) ?? 0) <= now) { sent.set(nonce, Infinity); say({ type: 'message.send', nonce, ...answer }); }
  }
}

function save() { // the place before which every question has its answer; in one step
  const now = new Map(seen);
  for (const { channel_id: id, to } of kept.values()) now.set(id, Math.min(now.get(id), to - 1));
  const text = JSON.stringify({ servers: [...servers], seen: Object.fromEntries(now), epochs: Object.fromEntries(epochs) });
  if (text !== saved) { writeFileSync(`${file}.new`, text, { flush: true }); renameSync(`${file}.new`, file); }
  saved = text;
}

setInterval(() => { save(); pump(); }, 200).unref();
setInterval(() => performance.now() > renewAt && renew().catch((error) => stop.abort(error)), 1000).unref();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
try {
  await renew();
  for (const id of process.env.BOT_SERVERS?.match(/\d+/g) ?? []) await call(`/servers/${id}/join`, {}, 'already_member');
  while (!stop.signal.aborted) {
    const token = tokens.access_token, { code, refusal, why } = await hear(token);
    if (FINAL.includes(code) || (code >= 400 && code < 500 && !AGAIN.includes(code))) fail(`gateway: ${code} ${why}`);
    const told = code === 1012 ? /"reconnect_after_ms": ?(\d{1,4})\b/.exec(why)?.[1] / 1000 : 0;
    await again('gateway', `${code} ${why}`, tries++, refusal?.headers['retry-after'] ?? (code > 4428 ? 10 : told)); // step 5
    if (code === 4401 && token === tokens.access_token) await renew();
  }
} catch (error) {
  const why = stop.signal.reason ?? error;
  if (why.name !== 'AbortError') process.exitCode = console.error(why.isFinal ? why.message : why) ?? 1;
}
save();
