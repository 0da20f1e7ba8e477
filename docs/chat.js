// A whole client, for the console of a browser that shows /docs: it is "Missing nothing" of PROTOCOL.md as a program, so that it
// survives a node that is stopped and started again, and a token that ends. Paste it, then call chat({ name: 'mina' }).

async function chat({ name, server, channel }) {
  const password = 'correct horse battery';
  const kept = new Map(); // what was sent and is not acknowledged, by its nonce, in the order in which it was sent
  let tokens, renewAt, me; // the tokens, when they are due, the user's id
  let socket, seen, epoch; // seen: the seq of the last entry heard, in this epoch of the log; without one, the history is read first
  const lines = new Map(); // what has been shown of each message, by its id
  let isRefused = false; // whether the last handshake failed
  let tries = 0;
  let ended;

  const send = (nonce) => {
    if (kept.has(nonce) && socket?.readyState === WebSocket.OPEN) socket.send(kept.get(nonce));
  };
  // From the first moment on: what is said before the socket is open goes out when it is.
  globalThis.say = (content) => {
    if (ended) return console.warn(ended);
    const nonce = [...crypto.getRandomValues(new Uint32Array(4))].join('-');
    kept.set(nonce, JSON.stringify({ content, nonce }));
    send(nonce);
  };
  const end = (why) => {
    ended = `the chat has ended: ${why}`;
    console.warn(ended, ...(kept.size ? ['Not acknowledged:', ...kept.values()] : []));
  };

  const call = async (method, path, body) => {
    const headers = { 'content-type': 'application/json', ...(tokens && { authorization: `Bearer ${tokens.access_token}` }) };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const said = await answer.json();
    if (answer.ok) return said;
    const why = typeof said.detail === 'string' ? said.detail : JSON.stringify(said.detail);
    const wait = 1000 * answer.headers.get('retry-after');
    throw Object.assign(new Error(why), { status: answer.status, code: said.code, wait });
  };

  // Step 6: an access token is renewed before it ends. Where no answer comes, the same refresh token is good once more; one that
  // is refused is good for nothing.
  const keep = (answer) => {
    tokens = answer;
    renewAt = Date.now() + 900 * answer.expires_in;
  };
  const logIn = async () => keep(await call('POST', '/auth/login', { username: name, password }));
  const renew = async () => {
    const refresh = () => call('POST', '/auth/refresh', { refresh_token: tokens.refresh_token });
    try {
      keep(await refresh().catch((error) => (error.status ? Promise.reject(error) : refresh())));
    } catch (error) {
      if (error.status !== 401) throw error;
      await logIn();
    }
  };
  const read = async (path) => {
    try {
      return await call('GET', path);
    } catch (error) {
      if (error.status !== 401) throw error;
      await renew();
      return call('GET', path);
    }
  };

  const show = ({ id, author_username, content }, mark = '') => {
    const line = `${author_username}: ${content}`;
    if (line === lines.get(id)) return;
    lines.set(id, line);
    console.log(mark + line);
  };
  const remove = (id) => {
    if (lines.has(id)) console.log(`(deleted) ${lines.get(id)}`);
    lines.delete(id);
  };
  const react = ({ message_id, user_id, emoji }, verb) => {
    if (lines.has(message_id)) console.log(`user ${user_id} ${verb} ${emoji}: ${lines.get(message_id)}`);
  };
  const readHistory = async () => {
    const history = await read(`/channels/${channel}/messages?limit=10`);
    lines.clear();
    history.forEach((message) => show(message));
    seen = history.at(-1)?.seq ?? 0;
  };

  // "The log" of PROTOCOL.md: what an entry says is put over what is there. What is said of messages that are not here is passed over.
  const entries = {
    'message.created': (message) => message.deleted || show(message),
    'message.updated': (message) => lines.has(message.id) && show(message, '(edited) '),
    'message.deleted': ({ id }) => remove(id),
    'messages.deleted': ({ ids }) => ids.forEach(remove),
    'reaction.added': (reaction) => react(reaction, 'reacts with'),
    'reaction.removed': (reaction) => react(reaction, 'takes back'),
  };
  const answers = {
    'replay.done': (done) => ([tries, epoch] = [0, done.epoch]),
    // This is not the log that was seen: begin again with its history.
    resync: () => {
      console.warn('the channel has been set back to an earlier state; its last messages are now:');
      seen = epoch = undefined;
      socket.close();
    },
    // Step 4.
    error: ({ retry_after_ms, nonce, detail }) => {
      if (retry_after_ms) return setTimeout(send, retry_after_ms, nonce);
      console.warn(detail, kept.get(nonce) ?? '');
      kept.delete(nonce);
    },
  };
  // Step 3. An answer to a send that was repeated may be of long ago. The number of an entry of another type counts all the same.
  const take = (frame) => {
    if (frame.type in answers) return answers[frame.type](frame);
    if (frame.duplicate || frame.author_id === me) kept.delete(frame.nonce);
    const seq = frame.to ?? frame.seq;
    if (frame.duplicate || !(seq > seen)) return;
    seen = seq;
    entries[frame.type]?.(frame);
  };

  // Step 5: a random wait that grows, up to 45 s, beyond what the node wants; at first no longer than a node that restarts says.
  const again = (why, least = 0, isTold = false) => {
    const wait = least + (isTold && tries === 0 ? 0 : Math.min(1000 * 2 ** tries, 30_000) * (0.5 + Math.random()));
    tries++;
    console.log(`${why}: again in ${Math.round(wait / 1000)} s`);
    setTimeout(open, wait);
  };
  const open = async () => {
    try {
      if (Date.now() >= renewAt) await renew();
      // A browser does not show why a handshake was refused. This is refused for the same reason.
      if (isRefused) await read(`/channels/${channel}`);
      if (seen === undefined) await readHistory();
    } catch (error) {
      return [401, 403, 404].includes(error.status) ? end(error.message) : again(error.message, error.wait);
    }
    // Step 2. As a subprotocol the token is in no URL.
    const from = `after=${seen}${epoch ? `&epoch=${epoch}` : ''}`;
    const url = `${location.protocol.replace('http', 'ws')}//${location.host}/ws/${channel}?events=all&${from}`;
    socket = new WebSocket(url, ['bearer', tokens.access_token]);
    isRefused = true;
    socket.onopen = () => {
      isRefused = false;
      kept.forEach((_, nonce) => send(nonce));
    };
    socket.onmessage = ({ data }) => take(JSON.parse(data));
    socket.onclose = ({ code, reason }) => {
      if ([1002, 1003, 1007, 1009, 4400, 4403, 4404].includes(code)) return end(`${code} ${reason}`);
      if (code === 4401) renewAt = 0;
      const told = code === 1012 ? /"reconnect_after_ms": ?(\d{1,4})\b/.exec(reason)?.[1] : undefined;
      again(`closed with ${code} ${reason}`, Number(told ?? ([4429, 4430].includes(code) ? 10_000 : 0)), told !== undefined);
    };
  };

  // The account that has this name, or a new one. (For a new one the console shows in red that nobody could log in.)
  try {
    await logIn();
  } catch (error) {
    if (error.code !== 'invalid_credentials') throw error;
    await call('POST', '/auth/register', { username: name, email: `${name}@example.com`, password });
    await logIn();
  }
  me = (await call('GET', '/users/me')).id;

  // The server and channel that were asked for, else one's first, else new ones.
  const servers = await call('GET', '/servers/');
  if (server && !servers.some(({ id }) => id === server)) await call('POST', `/servers/${server}/join`);
  server ??= servers[0]?.id ?? (await call('POST', '/servers/', { name: 'Courtyard' })).id;
  channel ??= (await call('GET', `/servers/${server}`)).channels[0]?.id
    ?? (await call('POST', '/channels/', { name: 'general', server_id: server })).id;

  await open();
  console.log(`you are ${name}: say("hello")`);
  console.log(`others join with chat({ name: "june", server: ${server}, channel: ${channel} })`);
}
