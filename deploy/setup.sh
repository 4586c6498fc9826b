#!/usr/bin/env bash
# Installs what building, testing and the demo need and this machine lacks. Says what it does; does nothing twice.
#   deploy/setup.sh FOLDER    (FOLDER gets ONNX Runtime's library)
set -euo pipefail
folder=${1:?folder for ONNX Runtime, for example target/setup}
onnxruntime_version=1.32.0

need() { # command, least major version, what to do
  if ! command -v "$1" >/dev/null; then echo "setup: $1 is missing: $3" >&2; exit 1; fi
  local major; major=$("$1" --version 2>&1 | grep -oE '[0-9]+' | head -1)
  if [ "$major" -lt "$2" ]; then echo "setup: $1 $major is too old (least $2): $3" >&2; exit 1; fi
}
need cargo 1 "install Rust with rustup, see https://rustup.rs"
need node 20 "install Node.js 20 or newer"
need npm 9 "install npm, it comes with Node.js"
need python3 3 "install Python 3.11 or newer"

# libopencv-dev: cameras and films; clang: the OpenCV bindings are generated with it; ffmpeg: films of simulated games;
# chromium: the dashboard is tested in a real browser; mosquitto: so is the way over MQTT; postgresql: the hub's tables are
# kept there too; redis-server: live states go through it between processes; nginx: stands in front of the hub in a test;
# prometheus: takes the figures of hub and box in a test, and checks the alerts;
# python3-venv: what reads the lake; build-essential: C parts of some crates.
packages=(build-essential pkg-config libopencv-dev libclang-dev clang ffmpeg chromium mosquitto nginx postgresql prometheus redis-server python3-venv)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing Debian packages: ${missing[*]}"
  as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  # Tests start servers of their own: none is to run by itself because it was installed for them.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as_root[@]}" chmod +x /usr/sbin/policy-rc.d
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

library="$folder/libonnxruntime.so"
if [ "$(cat "$folder/onnxruntime.version" 2>/dev/null)" != "$onnxruntime_version" ] || [ ! -s "$library" ]; then
  echo "setup: fetching ONNX Runtime $onnxruntime_version (28 MB, from its Python wheel)"
  mkdir -p "$folder"
  if python3 -m pip download -q --no-deps --only-binary=:all: -d "$folder/wheel" "onnxruntime==$onnxruntime_version"; then
    python3 - "$folder" <<'PYTHON'
import glob, os, sys, zipfile
folder = sys.argv[1]
wheel = zipfile.ZipFile(glob.glob(f"{folder}/wheel/onnxruntime-*.whl")[0])
name = next(n for n in wheel.namelist() if "/capi/libonnxruntime.so" in n)
with open(f"{folder}/libonnxruntime.so.part", "wb") as library:
    library.write(wheel.read(name))
os.replace(f"{folder}/libonnxruntime.so.part", f"{folder}/libonnxruntime.so")
PYTHON
    rm -rf "$folder/wheel"
    echo "$onnxruntime_version" > "$folder/onnxruntime.version"
  else
    echo "setup: no wheel of ONNX Runtime for this machine: the slower tract is used instead" >&2
  fi
fi

# The lake is for others' tools: tests read it with these, and from a server that speaks S3 (moto).
readers="duckdb==2.0.0 pandas==3.1.1 pyarrow==26.0.1 moto[server]==5.2.5"
if [ "$(cat "$folder/lake/readers" 2>/dev/null)" != "$readers" ]; then
  echo "setup: fetching what reads the lake: $readers"
  python3 -m venv "$folder/lake"
  # shellcheck disable=SC2086 # one word each
  "$folder/lake/bin/pip" install -q --prefer-binary $readers
  echo "$readers" > "$folder/lake/readers"
fi
