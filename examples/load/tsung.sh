#!/bin/sh
# Channel sockets and calls under Tsung, from tsung.xml beside this file.
#
#     python3 examples/load/prepare.py make --url http://127.0.0.1:8000 --people 40 --channels 40 --out people-alone
#     examples/load/tsung.sh http://127.0.0.1:8000 people-alone.csv
#
# Each person needs a channel alone: Tsung takes the next frame for the answer, and among others that would be somebody
# else's message. A name that begins with tr_ below is a time in milliseconds. Exit code 1 if there was an error, a status other
# than 2xx, or an answer without the nonce that was sent.
#
# Tsung sends an `Origin` of its own, which is none of a page. tsung.xml sends http:// and the host, as `Host` says it
# (without the port), so CORS_ORIGINS may stay empty.
set -eu

address=${1:-http://127.0.0.1:8000}
address=${address#http://}
host=${address%:*} port=${address##*:} people=$(realpath "${2:-people-alone.csv}")
logs=$(mktemp -d)
sed "s|HOST|$host|g; s|PORT|$port|; s|PEOPLE|$people|" "$(dirname "$0")/tsung.xml" >"$logs/tsung.xml"
tsung -n -f "$logs/tsung.xml" -l "$logs" start >/dev/null 2>&1
echo "All that Tsung says is in $logs"

# The log has a line `stats: name …` for each ten seconds. Of a time: count, mean, deviation, maximum so far, and more; of a
# counter: in these ten seconds, so far.
awk '
    $1 != "stats:" { next }
    $2 ~ /^tr_/ { count[$2] += $3; sum[$2] += $3 * $4; max[$2] = $6 }
    NF == 4 && $2 ~ /^(error_|[0-9]|match|nomatch|websocket_|finish_users_count)/ { total[$2] = $4 }
    END {
        wrong = !total["match"] || !total["200"]
        for (name in count) printf "%-24s %6d times, mean %8.3f, max %8.3f\n", name, count[name], sum[name] / count[name], max[name] | "sort"
        for (name in total) {
            printf "%-24s %6d\n", name, total[name] | "sort"
            if (name ~ /^(error_|nomatch|websocket_fail|[013-9][0-9][0-9]$)/ && total[name] > 0) wrong = 1
        }
        close("sort")
        exit wrong
    }' "$logs"/*/tsung.log
