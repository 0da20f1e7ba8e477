#!/usr/bin/env python3
"""Accounts, channels and tokens for a load test; only Python's own library is needed.

    prepare.py make --url http://127.0.0.1:8000 --people 50 --channels 5
    prepare.py refresh     # new tokens for the same people, before the old ones expire or after
    prepare.py count       # messages in their channels, to compare with what a tool says it has sent
    prepare.py clean       # deletes the server, the accounts and the two files

`make` writes people.csv, which the scripts beside this one read: a line `username,channel_id,token` for each person. What
the other three need is in people.json. Both hold secrets, and only you may read them. --out NAME chooses other names.
"""

import argparse
import http.client
import json
import os
import secrets
import time
import urllib.parse


class Api:
    def __init__(self, url):
        url = urllib.parse.urlsplit(url)
        self.http = (http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection)(url.netloc)

    def call(self, method, path, token=None, body=None, form=None):
        headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = urllib.parse.urlencode(form) if form else json.dumps(body) if body else None
        while True:
            self.http.request(method, path, content, headers)
            answer = self.http.getresponse()
            text = answer.read().decode()
            if answer.status < 300:
                return json.loads(text) if text else None
            wait_s = int(answer.headers.get("Retry-After", 0))
            if answer.status != 429 or wait_s > 10:
                hint = "\nFor a load test, start the node with RATE_LIMIT=off" if answer.status == 429 else ""
                raise SystemExit(f"{method} {path}: {answer.status} {text}{hint}")
            time.sleep(wait_s)


def keep_tokens(person, answer):
    person["token"], person["refresh_token"] = answer["access_token"], answer["refresh_token"]
    return f"tokens live for {answer['expires_in']} s, until about {time.ctime(time.time() + answer['expires_in'])}"


def make(api, args, state):
    run, channels = secrets.token_hex(4), []
    for number in range(args.people):
        login = {"username": f"load-{run}-{number}", "password": secrets.token_urlsafe(16)}
        api.call("POST", "/auth/register", body={**login, "email": f"{login['username']}@example.com"})
        person = {**login, "channel_id": None}
        life = keep_tokens(person, api.call("POST", "/auth/login", form=login))
        state["people"].append(person)
        if number == 0:
            state["server_id"] = api.call("POST", "/servers/", person["token"], {"name": f"Load {run}"})["id"]
            for index in range(args.channels):
                channel = {"name": f"load-{index}", "server_id": state["server_id"]}
                channels.append(api.call("POST", "/channels/", person["token"], channel)["id"])
        else:
            api.call("POST", f"/servers/{state['server_id']}/join", person["token"])
        person["channel_id"] = channels[number % len(channels)]
    return f"{args.people} people in {args.channels} channels; their {life}"


def refresh(api, args, state):
    for person in state["people"]:
        life = keep_tokens(person, api.call("POST", "/auth/refresh", body={"refresh_token": person["refresh_token"]}))
    return f"{len(state['people'])} new {life}"


def count(api, args, state):
    channels = {person["channel_id"]: person["token"] for person in state["people"]}
    ends = [api.call("GET", f"/channels/{id}/events?after=0&limit=1", token)["last_seq"] for id, token in channels.items()]
    return f"{sum(ends)} messages in {len(channels)} channels"


def clean(api, args, state):
    refresh(api, args, state)
    if state["server_id"]:
        api.call("DELETE", f"/servers/{state['server_id']}", state["people"][0]["token"])
        state["server_id"] = None
    for person in list(state["people"]):
        api.call("DELETE", "/users/me", person["token"], {"password": person["password"]})
        state["people"].remove(person)
    return "the server and its people are deleted"


def save(out, state):
    lines = [f"{person['username']},{person['channel_id']},{person['token']}\n" for person in state["people"]]
    for name, text in ((f"{out}.json", json.dumps(state)), (f"{out}.csv", "".join(lines))):
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        if not state["people"]:
            os.remove(name)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=["make", "refresh", "count", "clean"])
for name, default in {"url": "http://127.0.0.1:8000", "people": 50, "channels": 5, "out": "people"}.items():
    parser.add_argument(f"--{name}", type=type(default), default=default)
args = parser.parse_args()
if min(args.people, args.channels) < 1:
    parser.error("a run needs at least one person and one channel")
is_there = os.path.exists(f"{args.out}.json")
if is_there == (args.what == "make"):
    raise SystemExit(f"{args.out}.json is there already: clean it first" if is_there else f"there is no {args.out}.json: make it")
state = {"url": args.url, "server_id": None, "people": []}
if is_there:
    with open(f"{args.out}.json") as file:
        state = json.load(file)
try:
    print(globals()[args.what](Api(state["url"]), args, state))
except OSError as error:
    raise SystemExit(f"{state['url']}: {error}") from error
finally:
    save(args.out, state)
