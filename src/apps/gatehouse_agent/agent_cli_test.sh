#!/bin/bash
# agent_cli_test.sh PROGRAM: the commands and exit codes of docs/reference/agent.md.
set -u
program=$1
dir=$(mktemp -d)
pid=
trap '[ -n "$pid" ] && kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
state=$dir/state
failures=0

expect() {  # expect NAME EXIT_CODE TEXT COMMAND...: code and, in its output, the text
  local name=$1 code=$2 text=$3 output got
  shift 3
  output=$("$@" 2>&1)
  got=$?
  if [ $got -ne "$code" ] || [[ $output != *"$text"* ]]; then
    echo "FAIL $name: exit code $got (expected $code), output: $output"
    failures=$((failures + 1))
  fi
}

ask() {  # ask PORT ORIGIN: the answer of the running agent
  local body='{"nonce":"0123456789abcdef"}'
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'POST /lpx/v1/attest HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nOrigin: %s\r\n' "$1" "$2" >&3
  printf 'Content-Type: application/json\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' \
    ${#body} "$body" >&3
  timeout 20 cat <&3
  exec 3>&-
}

expect "help" 0 "Exit codes" "$program" --help
expect "help of a command" 0 "--last-checkin" "$program" set --help
expect "no command" 2 "" "$program"
expect "unknown command" 2 "" "$program" enrol
expect "no state" 2 "--state" "$program" status
expect "state absent" 1 "cannot read" "$program" status --state "$state"
expect "http origin" 2 "must be an origin" "$program" init --state "$state" --origin http://a.example
expect "no origin" 2 "--origin" "$program" init --state "$state"
expect "init" 0 "device " "$program" init --state "$state" \
  --origin https://AUTH.example/ --origin https://b.example:8443
expect "public key" 0 "BEGIN PUBLIC KEY" "$program" public-key --state "$state"
expect "status" 0 "https://auth.example" "$program" status --state "$state"
expect "status as JSON" 0 '"allowed_origins":["https://auth.example","https://b.example:8443"]' \
  "$program" status --state "$state" --output json
expect "bad output" 2 "" "$program" status --state "$state" --output xml
expect "set nothing" 2 "needs" "$program" set --state "$state"
expect "set a bad word" 2 "" "$program" set --state "$state" --managed maybe
expect "set a bad age" 2 "must be" "$program" set --state "$state" --last-checkin yesterday
expect "set" 0 "" "$program" set --state "$state" --managed false --last-checkin 8d-ago
expect "is set" 0 '"managed":false' "$program" status --state "$state" --output json
expect "bad port" 2 "" "$program" run --state "$state" --port 70000

mkfifo "$dir/out"
"$program" run --state "$state" --port 0 >"$dir/out" 2>"$dir/err" &
pid=$!
read -r -t 30 ready <"$dir/out"
port=${ready##*:}
if [[ $ready != "ready http://127.0.0.1:"* ]]; then
  echo "FAIL run: printed '$ready', $(cat "$dir/err")"
  exit 1
fi
expect "answer" 0 "application/jwt" ask "$port" https://auth.example
expect "foreign page" 0 "origin_not_allowed" ask "$port" https://evil.example
expect "port in use" 1 "127.0.0.1:$port" "$program" run --state "$state" --port "$port"
expect "another origin" 0 "" "$program" init --state "$state" --origin https://evil.example
expect "followed at once" 0 "application/jwt" ask "$port" https://evil.example
kill -TERM "$pid"
wait "$pid"
code=$?
pid=
if [ $code -ne 0 ]; then
  echo "FAIL SIGTERM: exit code $code, $(cat "$dir/err")"
  failures=$((failures + 1))
fi
[ $failures -eq 0 ]
