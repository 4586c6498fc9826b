#!/usr/bin/env bash
# Has schemathesis send a running hub what its OpenAPI allows and what it forbids: no server error, no answer that the
# document does not describe. Called by `make fuzz-api`.
#   TARGET=target TOOLS=target/setup CASES=100 deploy/fuzz.sh
set -euo pipefail
cd "$(dirname "$0")/.."
target=${TARGET:-target} tools=${TOOLS:-target/setup} cases=${CASES:-100}
mkdir -p "$tools"
tools=$(realpath "$tools")
folder=$(mktemp -d)

hub_pid= edge_pid=
stop() {
  trap - EXIT INT TERM
  for pid in $edge_pid $hub_pid; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' INT TERM

python=$tools/fuzz/bin/python
if ! "$python" -c 'import schemathesis' 2>/dev/null; then
  echo "fuzz: fetching schemathesis"
  python3 -m venv "$tools/fuzz"
  if ! "$python" -m pip install -q 'schemathesis==4.32.5'; then
    echo "fuzz: skipped: schemathesis could not be fetched; is this machine connected?" >&2
    exit 0
  fi
fi

ingest=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$folder/hub.toml" <<TOML
[gateway.limits]
reads_per_minute = 0
writes_per_minute = 0
sockets_per_minute = 0
[access]
required = true
second_factor = "nobody"
token_s = 3600
TOML
"$target/debug/cloud-hub" serve --config "$folder/hub.toml" --data "$folder/hub" --listen 127.0.0.1:0 --ingest "127.0.0.1:$ingest" \
  >"$folder/hub.out" 2>"$folder/hub.log" &
hub_pid=$!
for _ in $(seq 100); do
  hub=$(sed -n 's/^hub ready: \(http:[^ ]*\).*/\1/p' "$folder/hub.out")
  [ -n "$hub" ] && break
  kill -0 "$hub_pid" 2>/dev/null || break
  sleep 0.1
done
if [ -z "${hub:-}" ]; then echo "fuzz: the hub did not start:" >&2; tail -5 "$folder/hub.log" >&2; exit 1; fi

# A box that hears a simulated game, so that there is something to ask for.
cat >"$folder/edge.toml" <<TOML
[uplink]
venue = "fuzz-arena"
edge = "fuzz-box"
[game]
id = 2026020001
[simulation]
seed = 7
[[sensors.lines]]
path = "simulated"
[web]
listen = "127.0.0.1:0"
TOML
"$target/debug/edge-agent" run --config "$folder/edge.toml" --data "$folder/edge" \
  --hub "quic/127.0.0.1:$ingest" --ca "$folder/hub/certificates/ca.pem" >"$folder/edge.log" 2>&1 &
edge_pid=$!

# It asks as a league admin, who may do everything.
code=$("$target/debug/cloud-hub" access first ann --config "$folder/hub.toml" --data "$folder/hub" 2>/dev/null)
words='trees grow by slow rivers'
say() { curl -sf -H 'content-type: application/json' -d "$2" "$hub/api/security/auth/$1"; }
say reset "{\"name\":\"ann\",\"code\":\"$code\",\"password\":\"$words\"}"
token=$(say login "{\"name\":\"ann\",\"password\":\"$words\"}" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

post() { curl -sf -o /dev/null -H "authorization: Bearer $token" -H 'content-type: application/json' -d "$2" "$hub/api/core/$1"; }
post venues '{"venue":"fuzz-arena","name":"Arena","city":"Oakville"}'
post teams '{"team":"oaks","name":"Oaks","abbreviation":"OAK"}'
post teams '{"team":"elms","name":"Elms","abbreviation":"ELM"}'
post players '{"player":"ann-lee","name":"Ann Lee","position":"forward"}'
post games '{"game":2026020001,"venue":"fuzz-arena","starts_us":1,"home":{"team":"oaks","roster":[{"number":9,"player":"ann-lee"}]},"away":{"team":"elms"}}'
for _ in $(seq 300); do
  curl -sf -o /dev/null -H "authorization: Bearer $token" "$hub/api/core/games/2026020001/statistics/players" && break
  sleep 0.1
done

# Half of the questions are about things that are there.
cat >"$folder/schemathesis.toml" <<TOML
[parameters]
"path.game" = 2026020001
"path.team" = "oaks"
"path.player" = "ann-lee"
"path.venue" = "fuzz-arena"
"path.edge" = "fuzz-box"
TOML
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,negative_data_rejection
run() { # configuration
  (cd "$folder" && "$python" -m schemathesis.cli --config-file "$1" run "$hub/api/openapi.json" \
    --checks "$checks" --max-examples "$cases" --phases examples,coverage,fuzzing --continue-on-failure \
    --header "authorization: Bearer $token" --exclude-path /ws/analytics --exclude-path /api/security/auth/logout \
    --request-timeout 10 --warnings off)
}
: >"$folder/nothing.toml"
failed=
run "$folder/nothing.toml" || failed=yes
run "$folder/schemathesis.toml" || failed=yes
kill -0 "$hub_pid" || { echo "fuzz: the hub died:" >&2; tail -5 "$folder/hub.log" >&2; exit 1; }
if [ -n "$failed" ]; then grep '"level":"ERROR"' "$folder/hub.log" | head -5 >&2 || true; exit 1; fi
