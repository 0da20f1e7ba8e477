"""Gateways under Locust: each sends once a second, and finds out if a message is missing or out of order.

    pip install locust websocket-client
    python3 examples/load/prepare.py make --url http://127.0.0.1:8000
    locust -f examples/load/locust_gateways.py --headless -u 40 -r 20 -t 15s -s 5 --host http://127.0.0.1:8000

PEOPLE names another file than people.csv. Exit code 1 if anything failed. `acknowledged` is from a send to its answer,
`delivered` to its arrival at another user, both also when the connection was cut in between, as some are on purpose.
"""

import contextlib
import csv
import itertools
import json
import os
import time
import uuid

import gevent
from locust import User, constant_pacing, events, task
from websocket import ABNF, WebSocketException, create_connection

with open(os.environ.get("PEOPLE", "people.csv")) as file:
    PEOPLE = itertools.cycle(list(csv.reader(file)))


class Talker(User):
    wait_time = constant_pacing(1)

    def on_start(self):
        _, channel_id, self.token = next(PEOPLE)
        self.channel_id, self.ws, self.seen, self.unanswered = int(channel_id), None, None, {}
        self.connect()

    def connect(self):
        since = time.time()
        while not self.ws:
            try:
                self.ws = create_connection(f"ws{self.host[4:]}/gateway", suppress_origin=True, timeout=60)
            except (OSError, WebSocketException) as error:
                note("connect", since, error)
                gevent.sleep(1)
        # Frames may follow one another without waiting.
        self.say({"type": "identify", "token": self.token})
        after = {} if self.seen is None else {"after": self.seen}
        self.say({"type": "subscribe", "channel_id": self.channel_id, **after})
        for frame in list(self.unanswered.values()):
            self.say(frame)
        gevent.spawn(self.read, self.ws, since)

    def say(self, frame):
        # Where there is no connection, the next one begins with it.
        with contextlib.suppress(OSError, WebSocketException):
            if self.ws:
                self.ws.send(json.dumps(frame))

    def read(self, ws, since):
        while True:
            try:
                # This also answers the node's pings.
                kind, data = ws.recv_data()
            except (OSError, WebSocketException) as error:
                kind, data = None, error
            if kind == ABNF.OPCODE_TEXT:
                self.take(json.loads(data), since)
                continue
            ws.shutdown()
            if ws is self.ws:
                self.ws = None
                note("connection", since, f"ended: {data}")
                gevent.sleep(1)
                self.connect()
            return

    def take(self, frame, since):
        nonce = frame.get("nonce", "")
        match frame["type"]:
            case "subscribed" if self.seen is None:
                self.seen = frame["seq"]
            case "replay.done":
                note("back after a cut", since)
            # An `ack` without an event comes for what was written before the subscription began.
            case "ack" | "message.created" as kind:
                is_own = self.unanswered.pop(nonce, None)
                if is_own or kind == "message.created" and nonce.startswith("locust "):
                    note("acknowledged" if is_own else "delivered", float(nonce.split()[1]))
                if kind == "message.created" and not frame.get("duplicate"):
                    if frame["seq"] != self.seen + 1:
                        note("order", since, f"{frame['seq']} came after {self.seen}")
                    self.seen = frame["seq"]
            case "error" if nonce in self.unanswered and "retry_after_ms" in frame:
                gevent.spawn_later(frame["retry_after_ms"] / 1000, self.say, self.unanswered[nonce])
            # A message that has to wait for a limit has the limit's time, and not the node's.
            case "error" | "message.delayed" as kind:
                note(kind, since, frame.get("code", kind))

    @task(20)
    def send(self):
        # The nonce says when it was sent: the clocks of several machines must agree for that to mean anything.
        nonce = f"locust {time.time()} {uuid.uuid4().hex[:12]}"
        self.unanswered[nonce] = {"type": "message.send", "channel_id": self.channel_id, "content": "said", "nonce": nonce}
        self.say(self.unanswered[nonce])

    @task
    def cut(self):
        if self.ws:
            gone, self.ws = self.ws, None
            gone.shutdown()
            self.connect()

    def on_stop(self):
        gevent.sleep(1)
        for nonce in self.unanswered:
            note("acknowledged", float(nonce.split()[1]), "no answer")
        self.ws = self.ws and self.ws.shutdown()


def note(name, since, wrong=None):
    events.request.fire(request_type="WS", name=name, response_time=(time.time() - since) * 1000, response_length=0,
                        exception=wrong and Exception(wrong), context={})
