# Everything a newcomer needs is `make run` and `make test`; Python 3.11+ and make are enough.
# The environment is .venv; it is made when missing and renewed when a lock file changes.
.DEFAULT_GOAL := help
.PHONY: help run test test-peers validate sandbox soak check format bench bench-peers bench-growth fuzz contract corpus lock clean

VENV := .venv
BIN := $(VENV)/bin
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3)
BY_SPEED := for py in $(CANDIDATES); do \
	spent=$$($$py tools/speed.py 2>/dev/null) && echo "$$spent $$py"; done | sort -n | cut -d " " -f 2
PIP := -m pip --quiet --disable-pip-version-check --no-input
INSTALL_LOCKED := $(BIN)/python $(PIP) install --require-hashes -r
INSTALL_PROJECT := $(BIN)/python $(PIP) install --no-deps --no-build-isolation -e .
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' $(UPGRADE)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

run: $(VENV)/requirements.stamp ## set up, run the demo, then serve on 127.0.0.1:8080
	@$(BIN)/discharge-relay demo --serve

test: $(VENV)/requirements-dev.stamp ## set up and run the tests; ARGS='-k word' for some
	@$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile $(ARGS)

test-peers: java ## run the tests against HAPI and the HL7 validator; needs a JDK and Maven
	@$(BIN)/python -m pytest -q tests/peers $(ARGS)

validate: java ## the HL7 validator on all that is written here; ARGS='file …' for others
	@$(BIN)/python -m sandbox.validate $(ARGS)

sandbox: java ## a HAPI FHIR server that a relay forwards to, with samples; until Ctrl-C
	@$(BIN)/python -m sandbox $(ARGS)

soak: $(VENV)/requirements-dev.stamp ## simulated days, undisturbed and killed; 10,000 messages by MLLP
	@$(BIN)/python -W ignore -m tests.soak $(ARGS)
	@SOAK_MESSAGES=10000 $(BIN)/python -m pytest -q -s tests/test_mllp_load.py

check: $(VENV)/requirements-dev.stamp ## lint, format, types, mappings and their examples
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --strict service
	@$(BIN)/discharge-relay check-mappings

format: $(VENV)/requirements-dev.stamp ## put the code into the agreed format
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

bench: $(VENV)/requirements-dev.stamp ## measure; prints JSON lines
	@$(BIN)/python -m bench $(ARGS)

# Says by name what is missing, and how to get it.
.PHONY: java
java: $(VENV)/requirements-dev.stamp
	@$(BIN)/python -m sandbox.maven

bench-peers: java ## measure side by side with HAPI FHIR and another converter; ten minutes
	@$(BIN)/python -m bench.peers $(ARGS)

bench-growth: $(VENV)/requirements-dev.stamp ## measure with up to a million notices stored; 15 GB of disk
	@$(BIN)/python -m bench.growth $(ARGS)

fuzz: $(VENV)/requirements-dev.stamp ## damaged and hostile messages, 20,000 a reader; CASES=n
	@FUZZ_CASES=$(or $(CASES),20000) $(BIN)/python -m pytest -q tests/test_fuzz_readers.py $(ARGS)

contract: $(VENV)/requirements-dev.stamp ## requests made from our OpenAPI description; a few minutes; EXAMPLES=n
	@OPENAPI_EXAMPLES=$(or $(EXAMPLES),150) $(BIN)/python -m pytest -q --timeout 3600 tests/test_openapi.py $(ARGS)

corpus: $(VENV)/requirements-dev.stamp ## what becomes of a folder of messages; CORPUS=folder
	@$(BIN)/python tools/corpus_results.py $(or $(CORPUS),../shared/corpus) \
		$(if $(CORPUS),,> docs/corpus-results.md)

lock: $(VENV)/requirements-dev.stamp ## renew both lock files; UPGRADE=--upgrade for newer versions
	@$(COMPILE) --group build pyproject.toml -o requirements.lock
	@$(COMPILE) --group dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the environment, caches and builds; databases stay
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/%.stamp: %.lock pyproject.toml | $(BIN)/python
	@echo "Installing the packages of $< (once; a minute or two)"
	@$(INSTALL_LOCKED) $<
	@$(INSTALL_PROJECT)
	@touch $@

# Where a Python has no ensurepip (Debian without python3-venv), its own pip or virtualenv serves.
$(BIN)/python:
	@found= ; for py in $$($(BY_SPEED)); do \
		found=$$py; \
		$$py -m venv --clear $(VENV) >/dev/null 2>&1 && exit 0; \
		$$py -m pip --version >/dev/null 2>&1 \
			&& $$py -m venv --clear --without-pip $(VENV) >/dev/null 2>&1 \
			&& $$py $(PIP) --python $(BIN)/python install --require-hashes -r requirements.lock \
			&& exit 0; \
		$$py -m virtualenv --quiet --clear $(VENV) >/dev/null 2>&1 && exit 0; \
	done; \
	rm -rf $(VENV); \
	if [ -n "$$found" ]; \
	then echo "$$found cannot make a virtual environment: install its venv module" \
		"(Debian, Ubuntu: apt install python3-venv)" >&2; \
	else echo "Python 3.11 or newer is needed; tried: $(CANDIDATES)" >&2; \
	fi; \
	exit 1
