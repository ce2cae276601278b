# `make run` trains an example, `make test` proves the rest; `make help` lists what else there is.
# Nothing needs to be there beforehand but a python3, make and git.

VENV := .venv
PY := $(VENV)/bin/python
TRAIN := $(VENV)/.installed-train
DEV := $(VENV)/.installed-dev
PIP := $(PY) -m pip --disable-pip-version-check install -qq --constraint constraints.txt

# TensorFlow 2.21 has wheels for these Pythons and no others.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help run test check test-all bench data format generated clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(TRAIN) ## train, evaluate and export examples/digits.yaml
	@$(VENV)/bin/specc run examples/digits.yaml

test: check ## make check, then every test that needs no more than a few seconds
	$(PY) -m pytest -n 2 --dist loadgroup -m "not slow"

check: $(DEV) ## lint, formatting, types, import rules, freshness of what is generated
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_house.py -k "not command"
	$(PY) scripts/generate.py --check

test-all: check data ## every test, the long trainings on fetched data with them
	$(PY) -m pytest -n 2 --dist loadgroup

bench: $(DEV) data ## compare with importing TensorFlow, and with hand-written Keras
	$(PY) benchmarks/checking.py
	$(PY) benchmarks/training.py

data: $(DEV) ## fetch the data of the larger examples
	$(PY) scripts/fetch_data.py

format: $(DEV) ## put code into its form
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

generated: $(DEV) ## make catalog, schema, reference and tables anew
	$(PY) scripts/generate.py

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@test -n "$(PYTHON)" || { \
	  echo "specc needs Python 3.11, 3.12 or 3.13; \`python3\` here is $$(python3 -c 'import platform; print(platform.python_version())' 2>/dev/null || echo not installed)." >&2; \
	  echo "Install one of them, or name the one you have:  make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@"$(PYTHON)" -c '$(FITS)' || { \
	  echo "specc needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$("$(PYTHON)" -c 'import platform; print(platform.python_version())' 2>/dev/null || echo 'not to be found')." >&2; \
	  exit 1; }
	@echo "making $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu its venv is a package of its own:" >&2; \
	  echo "  sudo apt install python3-venv" >&2; \
	  exit 1; }

$(TRAIN): pyproject.toml constraints.txt | $(PY)
	@echo "installing specc with TensorFlow (about 600 MB, once)"
	@$(PIP) --editable '.[train]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(PY)
	@echo "installing specc with TensorFlow and what its tests need (once)"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(TRAIN)
