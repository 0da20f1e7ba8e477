// Calls and gateways under k6.
//
//     python3 examples/load/prepare.py make --url http://127.0.0.1:8000
//     k6 run -e MADANG=http://127.0.0.1:8000 -e PEOPLE=$PWD/people.csv examples/load/k6.js
//
// Exit code 99 if a threshold below does not hold. `acknowledged` is from a send to one's own message.created, `delivered` to
// that of another in the same channel, `back` from a cut to replay.done.
import { check } from 'k6';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';

const MADANG = __ENV.MADANG || 'http://127.0.0.1:8000';
const people = new SharedArray('people', () =>
  open(__ENV.PEOPLE).trim().split('\n').map((line) => {
    const [username, channel, token] = line.split(',');
    return { username, channel: Number(channel), token };
  }));

const acknowledged = new Trend('acknowledged', true);
const delivered = new Trend('delivered', true);
const back = new Trend('back', true);
const broken = new Counter('broken');

export const options = {
  scenarios: {
    // Calls begin on a schedule, whatever became of the ones before.
    calls: { exec: 'calls', executor: 'constant-arrival-rate', rate: 20, timeUnit: '1s', duration: '10s', preAllocatedVUs: 20 },
    gateways: { exec: 'gateway', executor: 'per-vu-iterations', vus: 20, iterations: 1, maxDuration: '30s' },
  },
  thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'], broken: ['count==0'], dropped_iterations: ['count==0'] },
};

const somebody = () => people[(exec.vu.idInTest - 1) % people.length];

export function calls() {
  const { channel, token } = somebody();
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const messages = `${MADANG}/channels/${channel}/messages`;
  const history = http.get(`${messages}?limit=50`, { headers, tags: { name: 'history' } });
  check(history, { 'history is 200': ({ status }) => status === 200 });
  const posted = http.post(messages, JSON.stringify({ content: 'posted' }), { headers, tags: { name: 'post' } });
  check(posted, { 'post is 201': ({ status }) => status === 201 });
}

/** A gateway that sends each second, goes away halfway, and comes back after what it has seen. */
export function gateway() {
  const talk = { ...somebody(), seen: undefined, unanswered: new Map(), sent: 0, ws: null, leftAt: 0 };
  connect(talk);
  const saying = setInterval(() => say(talk), 1000);
  setTimeout(() => {
    const gone = talk.ws;
    talk.leftAt = Date.now();
    connect(talk);
    gone.close();
  }, 5500);
  setTimeout(() => clearInterval(saying), 10500);
  setTimeout(() => {
    const gone = talk.ws;
    talk.ws = null;
    gone.close();
    check(talk, { 'every send has its answer': ({ unanswered, sent }) => sent > 0 && unanswered.size === 0 });
  }, 12000);
}

function connect(talk) {
  const ws = new WebSocket(`${MADANG.replace(/^http/, 'ws')}/gateway`);
  talk.ws = ws;
  ws.onopen = () => {
    const after = talk.seen === undefined ? {} : { after: talk.seen };
    write(talk, { type: 'identify', token: talk.token });
    write(talk, { type: 'subscribe', channel_id: talk.channel, ...after });
    talk.unanswered.forEach(({ frame }) => write(talk, frame));
  };
  ws.onmessage = ({ data }) => ws === talk.ws && take(talk, JSON.parse(String(data)));
  ws.onclose = () => ws === talk.ws && fail('closed by the node');
  ws.onerror = ({ error }) => ws === talk.ws && fail(error);
}

const write = ({ ws }, frame) => ws && ws.readyState === 1 && ws.send(JSON.stringify(frame));

function fail(why) {
  broken.add(1);
  console.error(why);
}

function say(talk) {
  const at = Date.now();
  const nonce = `k6-${exec.vu.idInTest}-${at}-${(talk.sent += 1)}`;
  const frame = { type: 'message.send', channel_id: talk.channel, content: `k6 ${at}`, nonce };
  talk.unanswered.set(nonce, { at, frame });
  write(talk, frame);
}

function take(talk, event) {
  const sent = talk.unanswered.get(event.nonce);
  if (event.type === 'subscribed' && talk.seen === undefined) talk.seen = event.seq;
  else if (event.type === 'replay.done') back.add(Date.now() - talk.leftAt);
  // An `ack` alone comes for a message that was written before its sender was subscribed.
  else if (event.type === 'message.created' || event.type === 'ack') {
    if (sent) acknowledged.add(Date.now() - sent.at);
    else if (/^k6 \d+$/.test(event.content)) delivered.add(Date.now() - Number(event.content.slice(3)));
    talk.unanswered.delete(event.nonce);
    if (event.duplicate || event.type === 'ack') return;
    if (event.seq !== talk.seen + 1) fail(`${event.seq} came after ${talk.seen}`);
    talk.seen = event.seq;
  } else if (event.type === 'error' && sent && event.retry_after_ms) setTimeout(() => write(talk, sent.frame), event.retry_after_ms);
  // A message that has to wait for a limit has the limit's time, and not the node's.
  else if (['error', 'message.delayed'].includes(event.type)) fail(event.code ?? event.type);
}
