#!/usr/bin/env bash
# Makes number-reader.onnx again from nothing: rendered pictures, training, export, measurement.
#
#   models/training/numbers.sh              into models/number-reader.onnx
#   MINUTES=3 COUNT=300 OUT=try.onnx models/training/numbers.sh      a quick try beside it
#
# Needs what train.sh needs (it makes the environment and the rendered pictures; run it first, or give PYTHON and
# RENDERED, RENDERED_HELD_OUT) and fonts: Debian's fonts-dejavu, fonts-liberation, fonts-freefont-ttf,
# fonts-bebas-neue, fonts-roboto-unhinted, fonts-roboto-slab; for measuring fonts-lato, fonts-league-spartan, fonts-play,
# fonts-oxygen. FONTS names the folders they are in. MINUTES are of two free cores: on a busy machine give more.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${WORK:-$root/target/training}
film=${RINKSIDE_REAL:-$root/../shared/real}/video/college-rink
out=${OUT:-$root/models/number-reader.onnx}
python=${PYTHON:-$work/python/bin/python}
train=${RENDERED:-$work/train}
held_out=${RENDERED_HELD_OUT:-$work/held-out}
read -ra fonts <<<"${FONTS:-/usr/share/fonts}"

[ -d "$film" ] || { echo "no film at $film: set RINKSIDE_REAL to the folder that holds video/college-rink" >&2; exit 1; }
[ -x "$python" ] || { echo "no python at $python: run train.sh first, or set PYTHON" >&2; exit 1; }
mkdir -p "$work"

cd "$root/models"
export OMP_NUM_THREADS=1
"$python" -m training.numbers.train --labels labels/college-rink.json --film "$film" --rendered "$train" --fonts "${fonts[@]}" \
  --minutes "${MINUTES:-25}" ${START:+--start "$START"} --out "$work/number-reader.pt"
"$python" -m training.numbers.export --weights "$work/number-reader.pt" --out "$out"
"$python" -m training.numbers.evaluate --model "$out" --labels labels/college-rink.json --film "$film" \
  --rendered "$held_out" --fonts "${fonts[@]}" --count "${COUNT:-3000}"
echo "write the sha256 above, the score and the figures into registry.toml and cards/number-reader.md"
