#!/usr/bin/env bash
# The whole road on one machine: a hub on SQLite and one appliance. Called by `make demo`; ends with Ctrl-C.
#   TARGET=target VIDEO=film.mp4 CALIBRATION=camera.toml deploy/demo.sh
# Without VIDEO the appliance sees a simulated game: rendered pictures into its cameras, serial bytes through a
# pseudo-terminal.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${TARGET:-target}
port=${PORT:-8000}
ingest=${INGEST:-7447}
folder=${DEMO_FOLDER:-target/demo}
if [ -n "${VIDEO:-}" ] && [[ $VIDEO != *://* ]] && [ ! -f "$VIDEO" ]; then
  echo "demo: VIDEO=$VIDEO is no file: name a film" >&2; exit 1
fi
rm -rf "$folder"; mkdir -p "$folder"

hub_pid= edge_pid=
stop() {
  trap - EXIT INT TERM
  for pid in $edge_pid $hub_pid; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap stop EXIT
trap 'exit 0' INT TERM

"$target/debug/cloud-hub" serve --data "$folder/hub" --listen "127.0.0.1:$port" --ingest "127.0.0.1:$ingest" \
  >"$folder/hub.log" 2>&1 &
hub_pid=$!
for _ in $(seq 100); do
  if python3 -c "import urllib.request as r; r.urlopen('http://127.0.0.1:$port/health/ready', timeout=1)" 2>/dev/null; then ready=yes; break; fi
  kill -0 "$hub_pid" 2>/dev/null || break
  sleep 0.1
done
if [ -z "${ready:-}" ]; then
  echo "demo: the hub did not start; its last words:" >&2; tail -5 "$folder/hub.log" >&2; exit 1
fi

film=()
if [ -n "${VIDEO:-}" ]; then
  film=(--video "$VIDEO")
  if [ -n "${CALIBRATION:-}" ]; then film+=(--calibration "$CALIBRATION")
  else echo "demo: no CALIBRATION given: players are found in the film but cannot be put on the rink"; fi
fi
"$target/debug/edge-agent" run --config config/demo.toml --data "$folder/edge" \
  --hub "quic/127.0.0.1:$ingest" --ca "$folder/hub/certificates/ca.pem" "${film[@]}" >"$folder/edge.log" 2>&1 &
edge_pid=$!

cat <<TEXT

  Dashboard      http://localhost:$port
  The box's page http://localhost:8080
  Logs           $folder/hub.log  $folder/edge.log
  Stop           Ctrl-C

TEXT
# Whichever ends first ends the demo, and says why.
wait -n "$hub_pid" "$edge_pid" || { echo "demo: a process ended; its last words:" >&2; tail -n 4 "$folder"/*.log >&2; exit 1; }
