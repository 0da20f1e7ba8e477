// What artillery.yml does on a gateway. Artillery's own `send` with `match` looks at the next frame only, and in a channel
// with others that is rarely one's own: so a listener of ours reads every frame.
const { randomUUID } = require('node:crypto');

function gateway(args, context, done) {
  args.target = `${args.target.replace(/^http/, 'ws')}/gateway`;
  context.vars.url = args.target;
  done();
}

async function identify(context, events) {
  context.talk = { events, ...context.vars, channel: Number(context.vars.channel), unanswered: new Map() };
  await subscribe(context.talk, context.ws);
}

/** Answers when the channel is subscribed to and what was missed has come. */
async function subscribe(talk, ws) {
  talk.ws = ws;
  const after = talk.seen === undefined ? {} : { after: talk.seen };
  const isThere = new Promise((there, fail) => {
    ws.on('message', (text) => take(talk, JSON.parse(text), there));
    ws.on('close', (code) => {
      if (ws !== talk.ws) return;
      talk.broken = `closed with ${code}`;
      fail(new Error(talk.broken));
    });
  });
  write(talk, { type: 'identify', token: talk.token });
  write(talk, { type: 'subscribe', channel_id: talk.channel, ...after });
  talk.unanswered.forEach((sent) => write(talk, sent.frame));
  await isThere;
}

const write = (talk, frame) => talk.ws?.readyState === 1 && talk.ws.send(JSON.stringify(frame));

function take(talk, event, there) {
  const { events, unanswered } = talk;
  const sent = unanswered.get(event.nonce);
  if (event.type === 'subscribed' && talk.seen === undefined) there(talk.seen = event.seq);
  else if (event.type === 'replay.done') there();
  // An `ack` alone comes for a message that was written before its sender was subscribed.
  else if (event.type === 'message.created' || event.type === 'ack') {
    const now = Date.now();
    if (sent) events.emit('histogram', 'madang.acknowledged', now - sent.at);
    else if (/^artillery \d+$/.test(event.content)) events.emit('histogram', 'madang.delivered', now - event.content.slice(10));
    unanswered.delete(event.nonce);
    if (event.duplicate || event.type === 'ack') return;
    if (event.seq !== talk.seen + 1) talk.broken = `${event.seq} came after ${talk.seen}`;
    talk.seen = event.seq;
  } else if (event.type === 'error' && sent && event.retry_after_ms) setTimeout(write, event.retry_after_ms, talk, sent.frame);
  // A message that has to wait for a limit has the limit's time, and not the node's.
  else if (['error', 'message.delayed'].includes(event.type)) there((talk.broken = event.code ?? event.type));
}

async function say({ talk }) {
  if (talk.broken) throw new Error(talk.broken);
  const nonce = randomUUID();
  const at = Date.now();
  const frame = { type: 'message.send', channel_id: talk.channel, content: `artillery ${at}`, nonce };
  talk.unanswered.set(nonce, { at, frame });
  write(talk, frame);
}

/** Breaks the connection off, and comes back after what was seen. */
async function cut({ talk }) {
  const at = Date.now();
  const gone = talk.ws;
  const ws = new gone.constructor(talk.url);
  talk.ws = ws;
  gone.terminate();
  await new Promise((opened, fail) => ws.on('open', opened).on('error', fail));
  await subscribe(talk, ws);
  talk.events.emit('histogram', 'madang.back_after_cut', Date.now() - at);
}

async function finish({ talk }) {
  await new Promise((later) => setTimeout(later, 1000));
  talk.ws.close();
  talk.ws = null;
  if (talk.unanswered.size > 0) talk.broken ??= `${talk.unanswered.size} sends have no answer`;
  if (talk.broken) throw new Error(talk.broken);
}

module.exports = { gateway, identify, say, cut, finish };
