# Chevet: each target is one line or two; the work is in tools/. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run test bench screens ui guest setup lint format lock notices image image-test clean

DEMO = $(if $(PORT),--port $(PORT)) $(if $(PLATFORM_PORT),--platform-port $(PLATFORM_PORT)) $(ARGS)

help: ## List the targets
	@sed -nE 's/^([a-z-]+): .*## (.*)/make \1\t\2/p' Makefile | expand -t 14

run: ## Set up what is missing, then start the demo (PORT=, PLATFORM_PORT=, ARGS= pass options on)
	@tools/setup.sh run
	@exec .venv/bin/chevet demo $(DEMO)

test: ## Set up what is missing, then every check: style, types, import rules, UI, pytest (ARGS= for pytest)
	@tools/setup.sh test
	@tools/test.sh $(ARGS)

bench: ## Measure, and write build/figures.json (ARGS= names some benches)
	@tools/setup.sh test
	@.venv/bin/python -m tests.bench $(ARGS)

screens: ## Screenshots of the journeys in a browser: build/screens
	@tools/setup.sh test
	@.venv/bin/python -m pytest -q -m browser tests/peers

ui: ## Build the screens: kiosk_ui/dist
	@tools/setup.sh ui

guest: ## Build the virtual machine that the tests of real kernel drivers run in: build/guest
	@tools/setup.sh guest

setup: ## Do all the set-up again, even where it looks done
	@FORCE=1 tools/setup.sh test

lint: ## Style, types and import rules only
	@tools/test.sh --lint

format: ## Put the Python code in its one style
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

lock: ## Resolve the dependencies anew into the lock files (UPGRADE=1 takes newer versions)
	@tools/lock.sh

notices: ## Write THIRD_PARTY_NOTICES.md from what is installed
	@.venv/bin/python tools/notices.py

image: ## Build the unit's disk image into build/image/out, as root (VERSION=, default that of the package)
	@tools/setup.sh test
	@tools/image/build.sh $(or $(VERSION),$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)) kiosk

image-test: ## Build small images and boot them: first boot, a good update, a bad one (about half an hour, as root)
	@tools/setup.sh test
	@tools/image/build.sh 0.1 test && tools/image/build.sh 0.2 test && tools/image/build.sh 0.3 test bad
	@.venv/bin/python -m pytest -q -m image tests/image

clean: ## Remove everything that set-up and builds made
	rm -rf .venv build dist kiosk_ui/dist kiosk_ui/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .import_linter_cache
