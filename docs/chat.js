// A whole client, for the console of a browser that shows /docs: it keeps to "Missing nothing" in PROTOCOL.md, so that it survives
// a node that is stopped and started again, and a token that ends. Paste it, then call chat({ name: 'mina' }).

async function chat({ name, server, channel }) {
  const password = 'correct horse battery';
  let tokens;
  let renewAt = 0;

  const call = async (method, path, body, ...fine) => {
    const headers = { 'content-type': 'application/json', ...(tokens && { authorization: `Bearer ${tokens.access_token}` }) };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok && !fine.includes(said.code)) throw Object.assign(new Error(JSON.stringify(said)), { status: answer.status });
    return said;
  };

  // An access token is renewed before it ends: a browser does not show why a handshake was refused.
  const keep = (answer) => {
    tokens = answer;
    renewAt = Date.now() + 900 * answer.expires_in;
  };
  const logIn = async () => keep(await call('POST', '/auth/login', { username: name, password }));
  // Where no answer comes, the same refresh token is good once more. One that is refused is good for nothing.
  const renew = async () => {
    try {
      keep(await call('POST', '/auth/refresh', { refresh_token: tokens.refresh_token }));
    } catch (error) {
      if (error.status !== 401) throw error;
      await logIn();
    }
  };

  // An account, or the one that has this name already.
  await call('POST', '/auth/register', { username: name, email: `${name}@example.com`, password }, 'username_taken', 'email_taken');
  await logIn();

  // The server and channel that were asked for, else one's first, else new ones.
  server ??= (await call('GET', '/servers/'))[0]?.id ?? (await call('POST', '/servers/', { name: 'Courtyard' })).id;
  await call('POST', `/servers/${server}/join`, undefined, 'already_member');
  channel ??= (await call('GET', `/servers/${server}`)).channels[0]?.id
    ?? (await call('POST', '/channels/', { name: 'general', server_id: server })).id;

  // The last words first.
  const show = ({ author_username, content }) => console.log(`${author_username}: ${content}`);
  const history = await call('GET', `/channels/${channel}/messages?limit=10`);
  history.forEach(show);

  // Then every message once and in order, over lost connections too: each new socket says what has been seen, and what
  // was sent and not acknowledged goes out again under the same nonce.
  let seen = history.at(-1)?.seq ?? 0;
  let socket;
  const unacknowledged = new Map();
  const send = (nonce) => {
    if (unacknowledged.has(nonce) && socket.readyState === 1) socket.send(unacknowledged.get(nonce));
  };
  const take = {
    'message.created': (event) => {
      if (event.author_username === name) unacknowledged.delete(event.nonce);
      if (event.duplicate || event.seq <= seen) return;
      seen = event.seq;
      show(event);
    },
    resync: (event) => (seen = event.seq),
    error: (event) => {
      console.warn(event.detail);
      if (event.retry_after_ms) setTimeout(send, event.retry_after_ms, event.nonce);
      else unacknowledged.delete(event.nonce);
    },
  };
  const again = () => setTimeout(open, 500 + 1500 * Math.random());
  const open = async () => {
    try {
      if (Date.now() >= renewAt) await renew();
    } catch (error) {
      console.warn(`no new token yet: ${error.message}`);
      return again();
    }
    // As a subprotocol the token is in no URL.
    const url = `${location.protocol.replace('http', 'ws')}//${location.host}/ws/${channel}?after=${seen}`;
    socket = new WebSocket(url, ['bearer', tokens.access_token]);
    socket.onopen = () => unacknowledged.forEach((_, nonce) => send(nonce));
    socket.onmessage = ({ data }) => { const event = JSON.parse(data); take[event.type]?.(event); };
    socket.onclose = ({ code, reason }) => {
      console.log(`closed: ${code} ${reason}`);
      if (code === 4401) renewAt = 0;
      if (![1002, 1003, 1007, 1009, 4400, 4403, 4404].includes(code)) again();
    };
  };
  await open();

  globalThis.say = (content) => {
    const nonce = crypto.randomUUID();
    unacknowledged.set(nonce, JSON.stringify({ content, nonce }));
    send(nonce);
  };
  console.log(`you are ${name}: say("hello")`);
  console.log(`others join with chat({ name: "june", server: ${server}, channel: ${channel} })`);
}
