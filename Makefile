# The one entry. `make` prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := libs/common services/gateway services/webhook services/tiktok services/instagram services/youtube deploy/local deploy/migrate deploy/operate deploy/ship deploy/bench
SERVICES := gateway webhook tiktok instagram youtube migrate operate
# Some images set it; every process of a test run would compile its tests and services anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed ## everything into .venv, with the commands gateway webhook tiktok instagram youtube migrate operate local

.venv/.installed: requirements/dev.txt $(MEMBERS:%=%/pyproject.toml)
	@echo "installing into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

demo: setup ## run one TikTok keyword job through every real part, show the creators, write the CSV
	@$(BIN)/local demo

run: setup ## keep the local stack up and print its URLs and a ready-made curl (REAL=1 uses the real upstream)
	@$(BIN)/local up $(if $(REAL),--real,)

token: setup ## a session token for the running stack, good for a minute (USER=user_ada)
	@$(BIN)/local token $(if $(filter command line,$(origin USER)),--user $(USER),)

trace: setup ## run one job with tracing on and show its traces as text
	@$(BIN)/local trace

cost: setup ## what jobs cost, from runs against the sandbox
	@$(BIN)/local cost

bench: setup .venv-bench/.installed ## how fast it is, beside floors and peers, into docs/benchmarks.md (15 minutes; ONLY="parse": that alone)
	@$(BIN)/bench $(ONLY:%=--only %)

bench-gateway: setup ## what requests cost the gateway, beside a bare handler of its framework (a minute)
	@$(BIN)/local bench-gateway

bench-trace: setup ## what tracing costs the services: jobs with and without it, in turn (minutes)
	@$(BIN)/local bench-trace

bench-export: setup ## what it takes to take 200,000 creators out: seconds, first byte, memory, longest pause
	@$(BIN)/local bench-export

bench-sse: setup ## how soon 500 who watch 50 jobs are told of what happens, and what it costs (a minute)
	@$(BIN)/local bench-sse

live-check: setup ## whether the real upstream answers as we read it: at most 12 calls of 1 credit (PLATFORM=youtube: one only)
	@$(BIN)/local live-check $(if $(PLATFORM),--platform $(PLATFORM),)

lint: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/basedpyright --level error

check: lint ## `make lint` and the fast tests (no server needed)
	@$(BIN)/python -m pytest -q -n 2 -m "not server and not faults and not fuzz and not deploy" --ignore=tests/security --ignore=tests/observability

test: setup ## all tests but the long suites
	@$(BIN)/python -m pytest -n 3 --dist loadscope -m "not faults and not fuzz and not deploy" --ignore=tests/security --ignore=tests/observability

faults: setup ## kill every process at every crash point, and worse; prints what was killed and checked
	@$(BIN)/python -m pytest -q -n 6 --dist worksteal -m faults tests/model tests/faults

security: setup .venv-supply/.installed ## try to get in, to get at what is another's, to overwhelm it (under 10 minutes; ONLY=tests/security: without those of make test)
	@$(BIN)/python -m pytest -q -n 4 --dist loadscope -m security $(ONLY)

fuzz: setup ## minutes of schemathesis over the running gateway, with another seed each time
	@$(BIN)/python -m pytest -q -s -m fuzz services/gateway/tests/test_fuzz.py

.venv-supply/.installed: requirements/supply.txt
	@test -x .venv-supply/bin/python || $(PYTHON) -m venv .venv-supply
	@.venv-supply/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/supply.txt
	@touch $@

.venv-ship/.installed: requirements/ship.txt
	@test -x .venv-ship/bin/python || $(PYTHON) -m venv .venv-ship
	@.venv-ship/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/ship.txt
	@touch $@

.venv-scan/.installed: requirements/scan.txt
	@test -x .venv-scan/bin/python || $(PYTHON) -m venv .venv-scan
	@.venv-scan/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/scan.txt
	@touch $@

.venv-bench/.installed: requirements/bench.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/bench.txt
	@touch $@

deploy-check: setup .venv-ship/.installed .venv-scan/.installed ## manifests, alerts and dashboard, held against schemas, scanners and the code (3 minutes)
	@$(BIN)/python -m local.prometheus
	@$(BIN)/ship deploy-check
	@$(BIN)/python -m pytest -q -n 2 --dist loadscope deploy/ship/tests tests/test_compose.py
	@$(BIN)/python -m pytest -q tests/observability

images-check: setup .venv-ship/.installed ## build the images, run the compose file, jobs and restarts in it, leave nothing (ONLY=job: that alone)
	@$(BIN)/ship images-check $(ONLY:%=--only %)

licences: setup .venv-supply/.installed ## write docs/licences.md: what the images hold that others made
	@.venv-supply/bin/pip-licenses --python $(BIN)/python --from mixed --format json | $(BIN)/python deploy/supply/licence.py

sbom: .venv-supply/.installed ## write a software bill of materials for each image to out/sbom (CycloneDX)
	@mkdir -p out/sbom
	@for s in $(SERVICES); do .venv-supply/bin/python -W ignore -m cyclonedx_py requirements requirements/$$s.txt --output-reproducible --spec-version 1.6 -o out/sbom/$$s.cdx.json; done
	@echo "out/sbom: $(SERVICES)"

audit: .venv-supply/.installed ## look every pinned package up among the known vulnerabilities; needs the network, red without
	@.venv-supply/bin/python deploy/supply/audit.py

secrets: .venv-supply/.installed ## note in .secrets.baseline that whatever looks like a secret was looked at
	@.venv-supply/bin/detect-secrets scan $$(git ls-files | grep -vE '^requirements/|secrets.baseline|/(data|golden|corpus)/|package-lock') > .secrets.baseline

alerts-check: setup .venv-ship/.installed ## alert rules, dashboard and what the services expose, in a real Prometheus (2 minutes)
	@$(BIN)/python -m local.prometheus
	@$(BIN)/python -m pytest -q tests/observability

format: setup ## rewrite the sources in the project's format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

docs: setup ## draw docs/state-machine.md from the code
	@$(BIN)/python docs/state_machine.py

lock: ## refresh the hashed requirement files from the pyproject.toml files (names no host)
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --frozen --no-header --all-packages --all-groups --no-group supply --no-emit-workspace -o requirements/dev.txt
	@$(BIN)/uv export --quiet --frozen --no-header --only-group supply --no-emit-workspace -o requirements/supply.txt
	@$(BIN)/uv export --quiet --frozen --no-header --only-group ship --no-emit-workspace -o requirements/ship.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate requirements/scan.in -o requirements/scan.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -c requirements/dev.txt requirements/bench.in -o requirements/bench.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -c requirements/dev.txt -c requirements/supply.txt requirements/build.in -o requirements/build.txt
	@for s in $(SERVICES) local; do $(BIN)/uv export --quiet --frozen --no-header --package creatorscout-$$s --no-dev --no-emit-workspace -o requirements/$$s.txt; done

clean: ## remove the virtual environment and all local data
	@if [ -x $(BIN)/local ]; then $(BIN)/local down; fi
	@rm -rf .venv .venv-supply .venv-ship .venv-scan .venv-bench .local out

.PHONY: help setup demo run token trace cost bench bench-gateway bench-export bench-trace bench-sse live-check lint check test faults security fuzz deploy-check alerts-check images-check licences sbom audit secrets format docs lock clean
