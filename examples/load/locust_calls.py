"""Calls under Locust: histories are read, messages posted, profiles asked for.

    pip install locust
    python3 examples/load/prepare.py make --url http://127.0.0.1:8000
    locust -f examples/load/locust_calls.py --headless -u 40 -r 20 -t 10s --host http://127.0.0.1:8000

PEOPLE names another file than people.csv. Exit code 1 if an answer was not 2xx. Each user waits for an answer before it goes
on, so a pause of the node is seen by the calls that wait in it, and not by those that would have been made.
"""

import csv
import itertools
import os
import uuid

from locust import HttpUser, between, task

with open(os.environ.get("PEOPLE", "people.csv")) as file:
    PEOPLE = itertools.cycle(list(csv.reader(file)))


class Caller(HttpUser):
    wait_time = between(0.1, 0.5)

    def on_start(self):
        _, channel_id, token = next(PEOPLE)
        self.messages = f"/channels/{channel_id}/messages"
        self.client.headers["Authorization"] = f"Bearer {token}"

    @task(2)
    def history(self):
        self.client.get(f"{self.messages}?limit=50", name="history")

    @task
    def post(self):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        self.client.post(self.messages, json={"content": "posted"}, headers=key, name="post")

    @task
    def me(self):
        self.client.get("/users/me", name="me")
