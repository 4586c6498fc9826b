# Everything a person does with this repository. `make` alone prints the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
SETUP := $(CURDIR)/target/setup
DASHBOARD := cloud-hub/dashboard
export ORT_DYLIB_PATH ?= $(SETUP)/libonnxruntime.so
export RINKSIDE_LAKE_PYTHON ?= $(SETUP)/lake/bin/python
# One form of the test command for machines with and without nextest.
RUNNER := $(shell command -v cargo-nextest >/dev/null 2>&1 && echo "nextest run --no-fail-fast" || echo "test --no-fail-fast")

.PHONY: help setup dashboard build release test chaos fuzz-api lint demo bench peers model clean

help: ## print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo VIDEO=film.mp4 CALIBRATION=camera.toml    the demo on a film instead of the simulation"

setup: ## install what is missing (Debian packages, ONNX Runtime); quick when nothing is
	@deploy/setup.sh $(SETUP)

$(DASHBOARD)/node_modules/.package-lock.json: $(DASHBOARD)/package-lock.json
	cd $(DASHBOARD) && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

dashboard: $(DASHBOARD)/dist/index.html ## build the dashboard's static files into the hub's folder

$(DASHBOARD)/dist/index.html: $(DASHBOARD)/node_modules/.package-lock.json $(shell find $(DASHBOARD)/src $(DASHBOARD)/public $(DASHBOARD)/index.html $(DASHBOARD)/*.ts -type f 2>/dev/null)
	cd $(DASHBOARD) && npm run --silent build

# One profile for demo and tests, with the benches so that every dependency is built with the same features once.
build: setup dashboard ## build the two binaries for the demo and the tests
	cargo build --workspace --bins --benches

release: setup dashboard ## build the two binaries for use at a rink
	cargo build --workspace --release --bins --benches

test: build ## set up, then every test: dashboard, browser, Rust
	cd $(DASHBOARD) && npm test --silent
	cd $(DASHBOARD) && RINKSIDE_BINARIES=$(TARGET)/debug npm run --silent test:browser
	cargo $(RUNNER) --workspace

# Faults in the simulation, and real SIGKILLs of the programs that ship.
FAULTS ?= 10000
KILLS ?= 500
chaos: build ## power cuts, kills, full disks, lost messages, nothing lost; FAULTS=100000 for the long form
	RINKSIDE_FAULTS=$(FAULTS) cargo test --workspace --test survives_chaos -- --nocapture --test-threads 1
	RINKSIDE_KILLS=$(KILLS) cargo test --workspace --test delivers_exactly_once -- --nocapture --test-threads 1

CASES ?= 100
fuzz-api: build ## schemathesis against a running hub's OpenAPI; CASES=1000 for the long form
	TARGET=$(TARGET) TOOLS=$(SETUP) CASES=$(CASES) deploy/fuzz.sh

lint: setup ## formatting and clippy, warnings are faults
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

demo: build ## hub and one appliance on a simulated game; dashboard at http://localhost:8000
	@TARGET=$(TARGET) VIDEO="$(VIDEO)" CALIBRATION="$(CALIBRATION)" deploy/demo.sh

bench: release ## measure; prints a table and writes target/bench.json
	cargo bench --workspace --benches

PEERS := $(CURDIR)/target/setup/tracking-peers
peers: release ## the tracker beside SORT, ByteTrack, OC-SORT, TrackEval and motmetrics (needs the film's boxes, RINKSIDE_REAL)
	python3 -m venv $(PEERS) && $(PEERS)/bin/pip install -q -r edge-agent/benches/peers/tracking.txt
	$(PEERS)/bin/pip install -q --no-deps ocsort==0.0.2 bytetracker==0.3.2
	$(PEERS)/bin/python edge-agent/benches/peers/tracking.py check --agent $(TARGET)/release/edge-agent
	$(PEERS)/bin/python edge-agent/benches/peers/tracking.py compare --agent $(TARGET)/release/edge-agent

model: setup ## train the detector again from nothing (hours on two cores)
	models/training/train.sh

clean: ## remove what was built here
	cargo clean
	rm -rf $(DASHBOARD)/dist $(DASHBOARD)/node_modules target
