# make dashboard   the dashboard, in a browser; ARGS="--port 9000" passes options on
# make test        lint, types and all tests, the real-browser ones included
# make lint        lint and types alone            make pytest   the tests alone
# make oracles     PyTorch for the tests that compare with it, where there is a build for the CPU alone
# make bench       the time of a trace, and the dashboard, each beside its peers; ARGS="--quick" takes three minutes
# make lock        both requirement files anew     make clean    take away what the others made

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help dashboard test lint pytest oracles bench lock clean browser haproxy

help:
	@sed -n 's/^# //p' Makefile

dashboard: $(VENV)/.product
	@$(BIN)/shapelab serve $(ARGS)

test: lint pytest

pytest: $(VENV)/.tests browser haproxy
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

oracles: $(VENV)/.tests
	@$(BIN)/python tools/torch_cpu.py $(BIN)/python

bench: $(VENV)/.tests browser
	@$(BIN)/python benchmarks/trace.py $(filter --markdown,$(ARGS))
	@$(BIN)/python benchmarks/dashboard.py $(ARGS)

# A stamp is written last: an installation that was broken off is done again.
$(VENV)/.product: requirements.txt pyproject.toml tools/environment.py
	@$(PYTHON) tools/environment.py $(VENV) requirements.txt
	@touch $@

$(VENV)/.tests: requirements-dev.txt $(VENV)/.product
	@$(PYTHON) tools/environment.py $(VENV) requirements-dev.txt
	@touch $@

browser:
	@sh tools/browser.sh

haproxy:
	@sh tools/haproxy.sh

lock: $(VENV)/.tests
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make lock" \
		pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make lock" \
		--extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
