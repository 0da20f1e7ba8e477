#!/usr/bin/env python3
"""Holds a real node to its OpenAPI document: `make api-fuzz` (schemathesis, from PyPI).

Run as a program, it starts a node and runs schemathesis in rounds until CASES cases (20,000) have been made. Schemathesis
loads the same file for its hooks, which give every worker an account of its own, with something in it.
"""

import atexit
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import uuid

CASES = int(os.environ.get("CASES", "20000"))
PASSWORD = "correct horse battery"
# Not run: positive_data_acceptance. It wants 2xx for all that the schema allows, and some rules no schema can say: the bytes
# of a password, `before` or `after` but not both, an address that somebody has already.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
          "allow_header_conformance,use_after_free,ensure_resource_availability,ignored_auth,object_level_authorization")


class Account:
    """A user with a token, a server, a channel and messages; `host` has a server that the user may join and leave."""

    def __init__(self, api: str, host: "Account | None" = None):
        import requests

        self.api, self.host, self.http = api, host, requests.Session()
        self.name = f"fuzz-{uuid.uuid4().hex[:20]}"
        email = f"{self.name}@example.com"
        self.user_id = self.call("POST", "/auth/register",
                                 json={"username": self.name, "email": email, "password": PASSWORD})["id"]
        login = self.call("POST", "/auth/login", data={"username": self.name, "password": PASSWORD})
        self.token, self.refresh_token = login["access_token"], login["refresh_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.session_id = self.call("GET", "/auth/sessions")[0]["id"]

    def settle(self) -> "Account":
        self.server_id = self.call("POST", "/servers/", json={"name": "Courtyard"})["id"]
        self.channel_id = self.call("POST", "/channels/", json={"server_id": self.server_id, "name": "general"})["id"]
        self.message_ids = [self.call("POST", f"/channels/{self.channel_id}/messages", json={"content": text})["id"]
                            for text in ("Hello, World!", "안녕", "\N{WAVING HAND SIGN}")]
        if self.host:
            self.host.call("POST", f"/servers/{self.server_id}/join")
        return self

    def call(self, method: str, path: str, **arguments):
        answer = self.http.request(method, self.api + path, **arguments)
        answer.raise_for_status()
        return answer.json()


def hooks(schemathesis, api: str) -> None:
    """What schemathesis asks for: who calls, on what, and what became of it."""
    here = threading.local()
    counted, lock = collections.Counter(), threading.Lock()

    def account() -> Account:
        if getattr(here, "account", None) is None:
            here.account = Account(api, Account(api).settle()).settle()
        return here.account

    @schemathesis.auth(refresh_interval=None)
    class Login:
        def get(self, case, _):
            is_end = (case.method, case.path) == ("DELETE", "/users/me")
            # Who owns a server cannot go.
            here.caller = Account(api) if is_end else account()
            return here.caller.token

        def set(self, case, token, _):
            case.headers["Authorization"] = f"Bearer {token}"

    atexit.register(lambda: pathlib.Path(os.environ["COUNTED"]).write_text(json.dumps(list(counted.items()))))

    def phase(case) -> str:
        return case.meta.phase.name.value if case.meta else "probe"

    @schemathesis.hook
    def before_call(_, case, __):
        """Three of four valid ids, tokens and passwords become ones that are there."""
        mine = account()
        if phase(case) == "stateful" or random.Random(repr((case.path_parameters, case.body))).random() > 0.75:
            return
        ids = {"user_id": mine.user_id, "session_id": mine.session_id, "channel_id": mine.channel_id,
               "server_id": mine.server_id, "owner_id": mine.host.user_id, "reply_to": mine.message_ids[0]}
        if case.path.endswith(("/join", "/leave")):
            ids["server_id"] = mine.host.server_id
        texts = {"refresh_token": mine.refresh_token}
        if case.path == "/auth/login" or (case.method, case.path) == ("DELETE", "/users/me"):
            texts |= {"username": mine.name, "password": PASSWORD}
        if case.path == "/auth/register":
            name = f"fuzz-{uuid.uuid4().hex[:20]}"
            texts |= {"username": name, "email": f"{name}@example.com"}
        is_good = case.meta is not None and case.meta.generation.mode.value == "positive"
        for fields in (case.path_parameters, case.body if is_good else None):
            for name, value in fields.items() if isinstance(fields, dict) else ():
                if type(value) is int and 0 < value < 1 << 53:
                    fields[name] = ids.get(name, value)
                elif type(value) is str:
                    fields[name] = texts.get(name, value)

    @schemathesis.hook
    def after_call(_, case, response):
        with lock:
            counted[f"phase {phase(case)}", f"{response.status_code // 100}xx"] += 1
            counted[f"{case.method} {case.path}", str(response.status_code)] += 1
        good, mine = response.status_code < 300, account()
        used = response.request.headers.get("Authorization")
        if good and case.path == "/auth/refresh":
            # A cookie may have it instead.
            mine.refresh_token = response.json().get("refresh_token", mine.refresh_token)
        is_over = good and (case.method == "DELETE" or case.path.endswith(("/owner", "/logout")) or "password" in str(case.body))
        if is_over or (response.status_code == 401 and (case.path == "/auth/refresh" or used == f"Bearer {mine.token}")):
            here.account = None


def round_of(schemathesis: str, api: str, folder: pathlib.Path, seed: int) -> tuple[int, bool, collections.Counter]:
    """How many cases it made, whether all was well, and what was called and answered."""
    report, counted = folder / "report.json", folder / "counted.json"
    surroundings = {**os.environ, "SCHEMATHESIS_HOOKS": str(pathlib.Path(__file__).resolve()), "API": api,
                    "COUNTED": str(counted)}
    options = ["--checks", CHECKS, "--max-examples", "400", "--continue-on-failure", "--seed", str(seed), "--no-color",
               "--generation-database", "none", "--warnings", "off", "--report", "json", "--report-json-path", str(report)]
    run = subprocess.run([schemathesis, "run", f"{api}/openapi.json", *options], env=surroundings, cwd=folder,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1_800, check=False)
    if run.returncode:
        print(run.stdout)
    cases = json.loads(report.read_text())["test_cases"]["generated"]
    return cases, run.returncode == 0, collections.Counter({tuple(what): times for what, times in json.loads(counted.read_text())})


def told(counted: collections.Counter) -> bool:
    """Prints what was answered how often; whether every operation has done what it is there for."""
    answers = collections.defaultdict(dict)
    for (what, status), times in sorted(counted.items()):
        answers[what][status] = times
    # A method that there is not gets 405, and only that.
    answers = {what: statuses for what, statuses in answers.items() if set(statuses) != {"405"}}
    for what, statuses in answers.items():
        print(f"{what:45}", *(f"{status}:{times}" for status, times in statuses.items()))
    useless = [what for what, statuses in answers.items()
               if not what.startswith("phase") and not any(status.startswith("2") for status in statuses)]
    if useless:
        print("never well:", ", ".join(useless))
    return not useless


def main() -> int:
    madang, schemathesis = (str(pathlib.Path(program).absolute()) for program in sys.argv[1:3])
    cases, seed, is_well, counted = 0, 0, True, collections.Counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # The embedded database may run as another user, who has to reach its folder.
        os.chmod(folder, 0o755)
        settings = {"DATA_DIR": f"{folder}/data", "PORT": "0", "RATE_LIMIT": "off", "BCRYPT_COST": "4",
                    "RUST_LOG": "off"}
        node = subprocess.Popen([madang], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
        try:
            api = next(line.split()[1] for line in node.stdout if line.startswith("API"))
            while is_well and cases < CASES:
                seed += 1
                made, is_well, called = round_of(schemathesis, api, pathlib.Path(folder), seed)
                cases, counted = cases + made, counted + called
                print(f"round {seed}: {made} cases, {cases} so far, {'all well' if is_well else 'FAILED'}", flush=True)
            is_well = is_well and node.poll() is None
        finally:
            node.send_signal(signal.SIGTERM)
            node.wait(timeout=15)
    return 0 if told(counted) and is_well else 1


if __name__ == "__main__":
    sys.exit(main())
else:
    import schemathesis as loaded

    hooks(loaded, os.environ["API"])
