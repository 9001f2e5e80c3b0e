# Everything starts here: `make help` lists the targets.
# The only needs are make and a Python >= 3.10 with venv.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -c constraints.txt

export RAY_USAGE_STATS_ENABLED ?= 0

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install install-test run test test-fast check format bench examples clean distclean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12  takes another interpreter;  ARGS='...'  is passed on by run and test"

# What a newcomer's machine may lack, said before minutes of downloading.
define PREFLIGHT
import importlib.util, shutil, sys

found = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 10):
    sys.exit("neuroparallel needs Python 3.10 or newer; %s is %s. "
             "Choose another: make PYTHON=python3.12 ..." % (sys.executable, found))
if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
    sys.exit("This Python (%s) cannot make virtual environments. "
             "On Debian and Ubuntu: sudo apt-get install python3-venv" % found)
free = shutil.disk_usage(".").free / 2**30
if free < 3:
    sys.exit("Ray and PyTorch need about 3 GB of disk space (8 GB with PyTorch's CUDA build); "
             "%.1f GB are free here. Free some, or put the environment on another disk: "
             "make VENV=/path/to/venv ..." % free)
endef
export PREFLIGHT

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "No $(PYTHON) here. On Debian and Ubuntu: sudo apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c "$$PREFLIGHT"
	$(PYTHON) -m venv $(VENV)
	@touch $@

# SuperSuit's one compiled dependency has no wheels from Python 3.13 on (see setup.cfg).
define add_supersuit
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then \
	    $(PIP) --quiet --no-deps supersuit; fi
endef

$(VENV)/.installed: $(VENV)/.made setup.cfg constraints.txt
	$(PIP) --editable '.[rllib,plot]'
	$(add_supersuit)
	@touch $@

$(VENV)/.installed-test: $(VENV)/.made setup.cfg constraints.txt
	$(PIP) --editable '.[test]'
	$(add_supersuit)
	@touch $@

install: $(VENV)/.installed  ## make .venv with all that training and plotting need

install-test: $(VENV)/.installed-test  ## the same, with the tools for testing

run: install  ## train a subject on two tasks at once (ARGS='--resume' continues)
	$(BIN)/neuroparallel train dpa_gng $(ARGS)

test: install-test  ## run all tests on two processors (ARGS='-k name' chooses, ARGS='-n 0' takes one)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

test-fast: install-test  ## run the tests that take neither Ray nor more than a second
	$(BIN)/python -m pytest -m 'not slow and not rllib' $(ARGS)

check: install-test  ## the gate: format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/test_architecture.py

format: install-test  ## mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## measure the numbers of docs/performance.md (benchmarks/README.md)
	$(BIN)/neuroparallel bench $(ARGS)

examples: install  ## run every example, in order
	@set -e; for file in examples/[0-9]*.py; do echo "== $$file"; $(BIN)/python $$file; done

clean:  ## remove build products and caches (keeps the environment and runs/)
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean  ## remove the environments too
	rm -rf $(VENV) .venv-neurogym
