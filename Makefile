# `make demo` and `make test` do everything on a machine with Python 3.11+, pip, make and git.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# uv of this machine where there is one; else its wheel, kept in this folder (works where pip is
# externally managed, as a target folder is no environment).
UV := $(shell command -v uv || echo .tools/bin/uv)
RUN := .venv/bin
# pip's own settings (certificates, indexes, folders of wheels) in uv's words.
LIKE_PIP := eval "$$(PYTHONPATH=src python3 -m hostler.backends.process.pip_settings)" &&
SEEDS ?= 10000
SECONDS ?= 60
WORKERS ?= $(shell expr $$(nproc) + 1)
# A worker that crashed is not replaced: the next one would run what crashed it, and wait for ever.
SPREAD := -n $(WORKERS) --dist loadfile --max-worker-restart=0
CLIENTS := sdk2 sdk3 cli2 moto
# Tests and `make bench` start Hostler hundreds of times, and installed software is compiled once.
export PYTHONDONTWRITEBYTECODE :=

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.tools/bin/uv:
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
		--require-hashes --requirement tools/uv.txt --target .tools

setup: .venv/.done ## the virtual environment, as locked

.venv/.done: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	$(LIKE_PIP) $(UV) sync --frozen --quiet
	@touch $@

demo: setup ## from nothing to an answer of a real model
	$(RUN)/hostler demo

lint: setup ## style, types, the import ladder, and whether uv.lock is current
	$(LIKE_PIP) env -u UV_INDEX -u UV_FIND_LINKS -u UV_INDEX_STRATEGY $(UV) lock --check --quiet
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache

test: lint clients ## everything that gates a change
	$(RUN)/python -m tools.run_tests $(SPREAD)

conformance: setup clients ## all of what is long: every client by every way in, 2 GB up and down, real models
	$(RUN)/python -m pytest $(SPREAD) tests/long

clients: setup $(CLIENTS:%=.cache/clients/%/.done) ## what tests call with (SDKs, boto3, AWS CLIs) and compare with (moto)

.cache/clients/%/.done: tests/conformance/clients/%.txt
	$(UV) venv --quiet --clear --python .venv/bin/python .cache/clients/$*
	$(LIKE_PIP) $(UV) pip install --quiet --no-deps --require-hashes \
		--python .cache/clients/$*/bin/python -r $<
	@touch $@

.cache/clients/cli2/.done: tests/conformance/clients/cli2.txt tools/unpack_cli.py
	rm -rf .cache/clients/cli2
	$(LIKE_PIP) $(UV) pip install --quiet --no-deps --require-hashes --python .venv/bin/python \
		--target .cache/clients/cli2/wheel -r $<
	$(RUN)/python tools/unpack_cli.py .cache/clients/cli2
	@rm -r .cache/clients/cli2/wheel
	@touch $@

sim: setup ## the simulated world: make sim SEEDS=10000
	$(RUN)/python -m hostler.sim --seeds $(SEEDS)

fuzz: setup ## broken input for the parsers, by seed: make fuzz SECONDS=600
	$(RUN)/python tests/fuzz.py --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) \
		$(if $(TARGET),--target $(TARGET)) $(if $(EXAMPLE),--example $(EXAMPLE))

bench: setup ## speed beside other servers, as ratios in one run: make bench BENCH="--all --docs"
	$(RUN)/python -m bench $(BENCH)
	$(RUN)/python -m bench.decisions
	$(RUN)/python -m bench.serverless
	$(RUN)/python -m bench.shadow
	$(RUN)/python -m bench.metrics

soak: setup ## auto scaling at AWS's timing, 45 minutes: make soak SOAK="--short --svg scaling.svg"
	$(RUN)/python -m bench.soak $(SOAK)

chaos: setup ## faults against a real Hostler, and what must hold: make chaos ONLY=F1,F7 SEED=4
	$(RUN)/python -m chaos $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

format: setup
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: setup ## write what the docs generate from code
	$(RUN)/python -m tools.generate_docs

audit: setup ## ask the vulnerability service about what is locked
	$(RUN)/python -m tools.audit

locks: setup ## resolve what the runtimes and the test clients hold: make locks UPGRADE=--upgrade
	$(RUN)/python -m tools.locks $(UPGRADE)

clean: ## forget what was built here (not the runtimes in ~/.cache/hostler)
	rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help setup demo lint test conformance clients sim fuzz bench soak chaos format docs audit locks clean
