#!/usr/bin/env bash
# Makes rink-detector.onnx and its eight-bit twin again from nothing: environment, rendered pictures, training, export,
# measurement.
#
#   models/training/train.sh            everything, into models/rink-detector.onnx and its entry in registry.toml
#   STEPS=200 PICTURES=100 OUT=try.onnx models/training/train.sh     a quick try beside it
#
# Needs python 3.11 or newer, cargo, about 6 GB of disk and, for the film, RINKSIDE_REAL (default: ../shared/real beside
# the project). Without the film it stops: the labels alone are numbers. Takes about an hour on two cores.
# Work is kept in target/training; remove that folder to start afresh.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${WORK:-$root/target/training}
film=${RINKSIDE_REAL:-$root/../shared/real}/video/college-rink
out=${OUT:-$root/models/rink-detector.onnx}
pictures=${PICTURES:-4200}
steps=${STEPS:-8000}

[ -d "$film" ] || { echo "no film at $film: set RINKSIDE_REAL to the folder that holds video/college-rink" >&2; exit 1; }
mkdir -p "$work"

if [ ! -x "$work/python/bin/python" ]; then
  python3 -m venv "$work/python"
  "$work/python/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
python=$work/python/bin/python

agent=${EDGE_AGENT:-}
if [ -z "$agent" ]; then
  cargo build --quiet --release --manifest-path "$root/Cargo.toml" --package edge-agent
  agent=${CARGO_TARGET_DIR:-$root/target}/release/edge-agent
fi
# Different seeds: no rendered picture is both trained on and measured on.
for set in "train 101 $pictures" "held-out 90001 150"; do
  read -r name seed count <<<"$set"
  [ -f "$work/$name/complete" ] && continue
  rm -rf "${work:?}/$name"
  "$agent" simulate pictures --count "$count" --seed "$seed" --out "$work/$name" --random
  touch "$work/$name/complete"
done

cd "$root/models"
"$python" -m training.train --labels labels/college-rink.json --film "$film" --rendered "$work/train" \
  --film-share 0.3 --steps "$steps" --out "$work/rink-detector.pt"
"$python" -m training.export --weights "$work/rink-detector.pt" --out "$out"
"$python" -m training.quantise --model "$out" --labels labels/college-rink.json --film "$film" \
  --rendered "$work/train" --out "${out%.onnx}-int8.onnx"
for size in "640 384" "960 544"; do
  for model in "$out" "${out%.onnx}-int8.onnx"; do
    # shellcheck disable=SC2086
    "$python" -m training.evaluate --model "$model" --labels labels/college-rink.json --film "$film" \
      --rendered "$work/held-out" --size $size --time
  done
done
echo "write the sha256s above and the figures into registry.toml and cards/rink-detector.md"
