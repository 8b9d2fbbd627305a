# Two commands matter: `make demo` plays, `make test` tests. Both set themselves up in .venv and change nothing else.
PYTHON ?= python3
VENV := .venv
VENV_PYGAME := build/pygame
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export OPENBLAS_NUM_THREADS = 1
# Tests start some hundred processes: one that finds its modules compiled starts in half the time.
unexport PYTHONDONTWRITEBYTECODE
# Every write is forced to disk, and most tests are not about disks: where memory is plenty their folders are there.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "TMPDIR=/dev/shm" }')
# Neighbours stay together, so that what a module makes is made once; who has no more to do takes over from the other.
TWO := -n 2 --dist worksteal
# Processes and threads share the machine with whatever else runs there. Who cannot look may give a test a second try
# (AGAIN=1): it is shown with its failure, there are three a suite, and a wrong rule fails again (hypothesis remembers).
AGAIN ?= 0
TRIES := $(if $(filter-out 0,$(AGAIN)),--reruns $(AGAIN) --max-suite-reruns 3 --rerun-show-tracebacks)
# Of whole files the long ones come amid the short: by their numbers of tests the longest would come last.
FILES := -n 2 --dist loadfile --no-loadscope-reorder
# A whole demo whose silences are measured: with the machine to itself.
ALONE := tests/faults/test_faults_processes.py

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-panels test-pygame check soak pictures bench screens faults fuzz pins clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/installed ## the appliance and the cloud stub into .venv
	@echo "installed: $(BIN)/cosound"

demo: $(VENV)/installed ## a room with a crowd in it, until Ctrl-C (ARGS="--seconds 60 --report build/report.json")
	@$(BIN)/cosound demo $(ARGS)

test: test-fast ## all tests, fast ones first
	@$(MEMORY) $(BIN)/python -m pytest $(TRIES) $(TWO) tests/flows tests/unit -m processes
	@$(MEMORY) $(BIN)/python -m pytest $(TRIES) $(TWO) tests/contract
	@$(MEMORY) $(BIN)/python -m pytest $(TRIES) tests/browser
	@$(BIN)/python -m pytest $(TRIES) $(ALONE)
	@$(BIN)/python -m pytest $(TRIES) $(FILES) tests/faults --ignore=$(ALONE)

test-fast: $(VENV)/developed ## unit and flow tests only, on two cores
	@$(MEMORY) $(BIN)/python -m pytest $(TRIES) $(TWO) tests/test_architecture.py tests/test_docs.py tests/unit tests/flows \
		-m "not processes"

test-panels: $(VENV)/developed ## the touchscreen's tests, all of them on every size and language
	@COSOUND_PANELS=all $(MEMORY) $(BIN)/python -m pytest $(TRIES) tests/browser

test-pygame: $(VENV_PYGAME)/installed ## the sound's tests on pygame, in a venv of its own: ours has pygame-ce, and no venv both
	@$(VENV_PYGAME)/bin/python -c 'import pygame; assert not getattr(pygame, "IS_CE", 0), "this is pygame-ce"'
	@$(VENV_PYGAME)/bin/python -m pytest tests/unit/mixer tests/unit/appliance/test_appliance_resume.py
	@$(VENV_PYGAME)/bin/cosound demo --headless --seconds 20

check: $(VENV)/developed ## format, lint, types, architecture
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

soak: $(VENV)/developed ## 24 hours through the mixer, offline; some minutes (ARGS="-x")
	@COSOUND_SOAK_HOURS=$${COSOUND_SOAK_HOURS:-24} $(BIN)/python -m pytest -q tests/soak $(ARGS)

pictures: $(VENV)/developed ## pictures of what the mixer does into build/pictures
	@$(BIN)/python -m benchmarks.pictures build/pictures

bench: $(VENV)/developed ## benchmarks (AREA=start ARGS=--quick)
	@$(BIN)/python -m benchmarks $(AREA) $(ARGS)

faults: $(VENV)/developed ## every fault twenty times, into build/faults.json (FAULTS_TIMES=100), and 10,000 histories
	@COSOUND_HISTORIES=$${COSOUND_HISTORIES:-10000} $(BIN)/python -m pytest -n 2 \
		tests/unit/sync/test_sync_histories.py tests/contract/test_supabase_histories.py
	@FAULTS_TIMES=$(or $(FAULTS_TIMES),20) $(BIN)/python -m pytest $(ALONE)
	@FAULTS_TIMES=$(or $(FAULTS_TIMES),20) $(BIN)/python -m pytest $(FILES) tests/faults --ignore=$(ALONE)
	@$(BIN)/python -m tests.faults.fault_table

fuzz: $(VENV)/developed ## requests made up from the API's own description, for some minutes (FUZZ_EXAMPLES=500)
	@COSOUND_FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),300) $(BIN)/python -m pytest -n 2 tests/contract/test_cloud_description.py

screens: $(VENV)/developed ## pictures of every screen into build/screens
	@$(BIN)/python -m appliance.ui.screens build/screens

pins: ## renew constraints.txt from what is newest and passes
	@rm -rf build/pins && $(PYTHON) -m venv build/pins
	@build/pins/bin/python -m pip install --quiet -e '.[dev]'
	@(echo "# What was tested. Renew with: make pins"; build/pins/bin/python -m pip freeze --exclude-editable) > constraints.txt

clean: ## everything that was made here
	rm -rf $(VENV) build .mypy_cache .ruff_cache .hypothesis

$(VENV)/python-is-there:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Cosound needs Python 3.11, 3.12 or 3.13; this is $$($(PYTHON) -V). Say: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: pyproject.toml constraints.txt $(VENV)/python-is-there
	@echo "Installing into $(VENV) (a minute or two, once) …"
	@$(PIP) install -c constraints.txt -e '.[cloud]'
	@touch $@

$(VENV_PYGAME)/installed: pyproject.toml constraints.txt $(VENV)/python-is-there
	@rm -rf $(VENV_PYGAME) && $(PYTHON) -m venv $(VENV_PYGAME)
	@echo "Installing into $(VENV_PYGAME) (a minute or two, once) …"
	@$(VENV_PYGAME)/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt -e '.[cloud,dev]'
	@$(VENV_PYGAME)/bin/python -m pip --disable-pip-version-check --quiet uninstall --yes pygame-ce
	@$(VENV_PYGAME)/bin/python -m pip --disable-pip-version-check --quiet install 'pygame==2.6.1'
	@touch $@

$(VENV)/developed: $(VENV)/installed
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@
