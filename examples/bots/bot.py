"""A bot for Madang that answers !ping, !roll 2d6 and !help, each once, whatever is stopped or cut off meanwhile. README.md
beside it says how to run it and what each part is for. A "step" is one of "Missing nothing" in docs/PROTOCOL.md."""
import asyncio, contextlib, itertools, json, math, os, random, re, signal, sys, time
import httpx
from websockets import ConnectionClosed, WebSocketException, connect

URL = os.environ.get("MADANG_URL", "http://127.0.0.1:8000").rstrip("/")
NAME, PASSWORD = os.environ.get("BOT_NAME", "dice"), os.environ.get("BOT_PASSWORD") or sys.exit("BOT_PASSWORD is missing")
EMAIL, STATE = os.environ.get("BOT_EMAIL", f"{NAME}@example.com"), os.environ.get("BOT_STATE", f"{NAME}.state.json")
SERVERS = re.findall("[0-9]+", os.environ.get("BOT_SERVERS", ""))
HEARD_MAX, KEPT_MAX, SENT_MAX, LOOK_BACK = 500, 256, 32, 100  # channels; answers, those on their way; entries after a resync
AGAIN, FINAL = {408, 425, 429, 500, 502, 503, 504}, {1002, 1003, 1007, 1009, 4400, 4403, 4404}  # statuses; close codes

def answer(content):  # what the bot says to a message, or None: change this first
    word, _, rest = content.strip().partition(" ")
    dice = re.fullmatch("([1-9][0-9]?)d([1-9][0-9]{0,2})", rest.strip()) if word == "!roll" else None
    rolls = [random.randint(1, int(dice[2])) for _ in range(int(dice[1]))] if dice else []
    if dice: return f"{dice[0]}: {' + '.join(map(str, rolls))} = {sum(rolls)}"
    return {"!ping": "pong", "!roll": "Up to 99 dice, like this: !roll 2d6", "!help": "!ping, !roll 2d6, !help"}.get(word)

def pause_s(tries, headers):  # a random time that grows, beyond what the node wants
    return int(re.match("[0-9]*", headers.get("Retry-After", ""))[0] or 0) + random.random() * min(2**tries, 30)

class Bot:
    def __init__(self):
        state = json.load(open(STATE)) if os.path.exists(STATE) else {"servers": []}
        places = ({int(id): at for id, at in state.get(name, {}).items()} for name in ("seen", "epochs"))
        self.servers, (self.seen, self.epochs) = set(state["servers"]), places  # where each log was heard to, and which it was
        self.kept, self.me, self.saved, self.tries = {}, None, None, 0  # kept: by nonce, each answer until it is acknowledged
        self.http, self.tokens, self.renew_at, self.heard, self.sent = httpx.AsyncClient(timeout=10), None, math.inf, {}, {}

    async def call(self, path, body=None, fine=None):  # posts until it is answered; a refusal `fine`, status or code, is None
        for tries in itertools.count():
            try:
                got = await self.http.post(URL + path, json=body)
                said, why, wait_s = got.json(), got.status_code, pause_s(tries, got.headers)
                if why < 300 or fine in (why, said["code"]): return said if why < 300 else None
                if why not in AGAIN: raise RuntimeError(f"{path}: {why} {said['code']}: {said['detail']}")
            except (httpx.TransportError, ValueError) as error:
                why, wait_s = repr(error), pause_s(tries, {})  # at first nearly at once, for step 6
            print(f"{path}: {why}. Again in {wait_s:.1f} s", file=sys.stderr)
            await asyncio.sleep(wait_s)

    async def renew(self):  # step 6: the next token, or one of a new login, or of a new account
        login, self.renew_at = {"username": NAME, "password": PASSWORD}, math.inf
        got = self.tokens and await self.call("/auth/refresh", {"refresh_token": self.tokens["refresh_token"]}, fine=401)
        if not got and not (got := await self.call("/auth/login", login, fine="invalid_credentials")):
            await self.call("/auth/register", {**login, "email": EMAIL}, fine="username_taken")
            got = await self.call("/auth/login", login)
        self.tokens, self.renew_at = got, time.monotonic() + 0.9 * got["expires_in"]
        self.http.headers["Authorization"] = f"Bearer {got['access_token']}"

    async def run(self):
        await self.renew()
        for server in SERVERS: await self.call(f"/servers/{server}/join", fine="already_member")
        while True:
            self.me, self.ws, self.heard, self.sent, token, refusal = None, None, {}, {}, self.tokens["access_token"], None
            try:
                async with connect(f"ws{URL[4:]}/gateway", compression=None, max_size=2**24) as self.ws:
                    await self.say(type="identify", token=token)
                    async for text in self.ws:
                        await self.take(json.loads(text))
                        await self.pump()
                why = self.ws.close_reason
            except (OSError, WebSocketException) as error:
                why, refusal = repr(error), getattr(error, "response", None)
            code = refusal.status_code if refusal else self.ws.close_code if self.ws else 0
            if code in FINAL or 400 <= code < 500 and code not in AGAIN: raise RuntimeError(f"gateway: {code} {why}")
            told = code == 1012 and re.search(r'"reconnect_after_ms": ?(\d{1,4})\b', self.ws.close_reason or "")  # step 5
            wait_s = pause_s(self.tries, refusal.headers if refusal else {}) + (10 if code > 4428 else int(told[1]) / 1000 if told else 0)
            print(f"gateway: {code} {why}. Again in {wait_s:.1f} s", file=sys.stderr)
            self.tries = await asyncio.sleep(wait_s, self.tries + 1)
            if code == 4401 and token == self.tokens["access_token"]: await self.renew()

    async def take(self, frame):
        kind, channel, nonce, is_again = frame["type"], frame.get("channel_id"), frame.get("nonce"), frame.get("duplicate")
        if nonce in self.kept and (kind == "ack" or is_again or frame.get("author_id") == self.me): del self.kept[nonce]  # step 3
        if is_again or kind in ("ack", "subscribed"): return  # they have a `seq`, and are no entries
        if kind in ("ready", "server.joined"):
            self.me = frame.get("user", {"id": self.me})["id"]
            for server in frame.get("servers", [frame]): self.enter(server["id"], server.get("channels", []))
            print(f"{NAME} hears {len(self.heard)} channels", file=sys.stderr)
        elif kind == "channel.created" and frame["server_id"] in self.servers: self.enter(frame["server_id"], [frame])
        elif kind == "replay.done": self.tries, self.epochs[channel] = 0, frame["epoch"]
        elif kind == "unsubscribed" and frame.get("reason") in (None, "restart"): self.heard[channel] = 0
        elif kind == "unsubscribed": self.heard.pop(channel, None)
        elif kind == "resync":  # what the log has of our answers will be duplicates, what it has lost is said again
            self.seen[channel], self.epochs[channel] = max(0, frame["seq"] - LOOK_BACK), frame["epoch"]
            self.kept = {nonce: kept for nonce, kept in self.kept.items() if kept[0]["channel_id"] != channel}
            await self.leave(channel)
        elif kind == "error" and "retry_after_ms" in frame and (nonce or channel):  # step 4
            (self.sent if nonce else self.heard)[nonce or channel] = time.monotonic() + frame["retry_after_ms"] / 1000
        elif kind == "error":
            print(json.dumps(frame), file=sys.stderr)
            self.kept.pop(nonce, None)  # where it is `nonce_conflict`, the question has its answer
            if frame["code"] in ("not_a_member", "channel_not_found"): self.heard.pop(channel, None)
        elif (last := frame.get("to", frame.get("seq"))) and self.heard.get(channel) == math.inf:
            if frame.get("from", last) != self.seen[channel] + 1: raise WebSocketException(f"{last} after {self.seen[channel]}")
            says = answer(frame["content"]) if kind == "message.created" and frame["author_id"] != self.me else None
            if says and len(self.kept) == KEPT_MAX: return await self.leave(channel)  # until there is room: then from here
            if says: self.kept[f"answer-{frame['id']}"] = {"channel_id": channel, "content": says, "reply_to": frame["id"]}, last
            self.seen[channel] = last
            if "--log" in sys.argv: print(json.dumps(frame), flush=True)

    def enter(self, server, channels):  # begins with what comes next, but with the first entry in a server that it knows
        for channel in channels:
            self.seen.setdefault(channel["id"], 0 if server in self.servers else channel["last_seq"])
            self.heard.setdefault(channel["id"], 0)
        self.servers.add(server)

    async def say(self, **frame):
        await self.ws.send(json.dumps(frame))

    async def leave(self, channel):
        self.heard.pop(channel, None)
        await self.say(type="unsubscribe", channel_id=channel)

    async def pump(self):  # step 2, and what is possible since. heard, sent: when to subscribe or send; not again, where inf
        now, room = time.monotonic() if self.me else -1, HEARD_MAX - list(self.heard.values()).count(math.inf)
        new = [id for id, since in self.heard.items() if since <= now and len(self.kept) < KEPT_MAX / 2][:room]
        self.heard.update(dict.fromkeys(new, math.inf))
        if new: await self.say(type="subscribe", channels=[dict(channel_id=id, after=self.seen[id], epoch=self.epochs.get(id)) for id in new])
        for nonce, (send, _) in list(self.kept.items())[:SENT_MAX]:
            if self.sent.get(nonce, 0) > now: continue
            self.sent[nonce] = math.inf
            await self.say(type="message.send", nonce=nonce, **send)

    def save(self):  # the place before which every question has its answer; in one step
        seen = dict(self.seen)
        for send, seq in self.kept.values(): seen[send["channel_id"]] = min(seen[send["channel_id"]], seq - 1)
        text = json.dumps({"servers": sorted(self.servers), "seen": seen, "epochs": self.epochs})
        if text == self.saved: return
        with open(f"{STATE}.new", "w") as file: file.write(text), file.flush(), os.fsync(file.fileno())
        os.replace(f"{STATE}.new", STATE)
        self.saved = text

async def main():
    bot = Bot()
    run = asyncio.ensure_future(bot.run())
    for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, lambda *_: run.get_loop().call_soon_threadsafe(run.cancel))
    while not run.done():
        await asyncio.wait([run], timeout=0.2)
        bot.save()
        if time.monotonic() > bot.renew_at: bot.renewing = asyncio.ensure_future(bot.renew())
        with contextlib.suppress(ConnectionClosed): await bot.pump()
    return None if run.cancelled() else run.result()

try: asyncio.run(main())
except RuntimeError as error: sys.exit(str(error))
