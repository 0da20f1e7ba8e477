#!/usr/bin/env python3
"""Runs the Autobahn cases (kosoku, from PyPI) against a real node's echo socket: `make conformance`.

All core cases must pass; compression cases must be declined; performance cases with messages over the 64 KiB
limit are left out.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

CORE = ["--exclude", "9.*", "--exclude", "12.*", "--exclude", "13.*"]
COMPRESSION = ["--include", "12.*", "--include", "13.*"]


def run(kosoku: str, url: str, selection: list[str], out: pathlib.Path) -> dict[str, str]:
    """Runs a selection of cases; answers each case's behaviour."""
    # Its exit code counts a declined case as a failure, so the report is read instead.
    subprocess.run([kosoku, url, "--parallelism", "8", "--outdir", str(out), *selection],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=900, check=False)
    (cases,) = json.loads((out / "index.json").read_text()).values()
    return {case: result["behavior"] for case, result in cases.items()}


def check(name: str, cases: dict[str, str], good: set[str]) -> bool:
    bad = {case: behavior for case, behavior in cases.items() if behavior not in good}
    for case, behavior in bad.items():
        print(f"{name} case {case}: {behavior}")
    print(f"{name}: {len(cases) - len(bad)} passed, {len(bad)} failed")
    return bool(cases) and not bad


def main() -> int:
    madang, kosoku = sys.argv[1:3]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # The embedded database may run as another user, who has to reach its folder.
        os.chmod(folder, 0o755)
        settings = {"DATA_DIR": f"{folder}/data", "PORT": "0", "RATE_LIMIT": "off", "CONFORMANCE_ECHO": "on"}
        node = subprocess.Popen([madang], env={**os.environ, **settings, "RUST_LOG": "error"},
                                stdout=subprocess.PIPE, text=True)
        try:
            address = next(line.split("//")[1].strip() for line in node.stdout if line.startswith("API"))
            url = f"ws://{address}/ws/echo"
            core = run(kosoku, url, CORE, pathlib.Path(folder) / "core")
            compression = run(kosoku, url, COMPRESSION, pathlib.Path(folder) / "compression")
        finally:
            node.send_signal(signal.SIGTERM)
            node.wait(timeout=15)
    passed = check("core", core, {"OK", "NON-STRICT", "INFORMATIONAL"})
    declined = check("compression, declined", compression, {"UNIMPLEMENTED"})
    return 0 if passed and declined else 1


sys.exit(main())
