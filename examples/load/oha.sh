#!/bin/sh
# Calls under oha: a channel's history is read, then messages are posted.
#
#     python3 examples/load/prepare.py make --url http://127.0.0.1:8000
#     examples/load/oha.sh http://127.0.0.1:8000 people.csv
#
# RATE, DURATION and CONNECTIONS change the load. Each call is due on a schedule and its time counts from there, so a pause of
# the node is not hidden. All calls are the first person's, because the header is the same for all. Exit code 1 if any
# answer was not 2xx: oha's own "success rate" counts answers with any status.
set -eu

url=${1:-http://127.0.0.1:8000}
IFS=, read -r _ channel token <"${2:-people.csv}"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

measure() {
    oha --no-tui -z "${DURATION:-5s}" -c "${CONNECTIONS:-40}" -q "${RATE:-200}" --latency-correction -w \
        -H "Authorization: Bearer $token" "$@" | tee "$out"
    grep -q '^  \[2..] ' "$out"
    # What is neither an answer of 2xx nor a success stands below these headings.
    if sed -n '/^Status code distribution/,$p' "$out" | grep -E '^  \[[^2]..]|^Error distribution' >&2; then exit 1; fi
}

echo "History"
measure "$url/channels/$channel/messages?limit=50"
echo "Posts"
measure -m POST -T application/json -d '{"content": "posted by oha"}' "$url/channels/$channel/messages"
