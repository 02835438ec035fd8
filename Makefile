# Every target installs what it needs itself. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
UV := $(or $(shell sh hack/bootstrap.sh),$(error bootstrap failed: the lines above say why))
RUN := $(UV) run --frozen --no-sync
PYTEST := $(RUN) pytest
JUNIT = --junitxml=build/tests/$@.xml
# An environment that forbids byte code has every process compile all that it imports.
COMPILED := PYTHONDONTWRITEBYTECODE=
# `make demo PROVIDER=kind`; a variable of that name in the environment means something else.
ifeq ($(origin PROVIDER),command line)
export TRAINSHED_PROVIDER := $(PROVIDER)
endif

##@ Set-up
.PHONY: demo
demo: ## Bring up a cluster, train a CNN on it and show its throughput in Prometheus
	$(RUN) python -m hack.demo

.PHONY: test
test: check test-unit test-buildpod test-data test-trainer test-protocol test-charts test-cluster test-e2e ## Run every test

##@ Tests
.PHONY: check
check: ## Lint, types, layers, generated files
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy operator/trainshed images/trainer/trainshed_trainer hack tests/builders.py tests/facts.py tests/benches tests/builds tests/placement tests/scale tests/train
	$(RUN) lint-imports
	$(RUN) python -m hack.crds --check
	$(RUN) python -m hack.dashboards --check
	$(RUN) python -m hack.reference --check
	$(PYTEST) tests/unit/test_layout.py -q -p no:kmock

# The library's own that need more than Python and this process belong to the tiers below.
UNIT = tests/unit images/trainer/tests $(BEYOND:%=--ignore-glob='*/test_*%*.py') \
  -n $$(nproc) --dist worksteal -p no:anyio -p no:kmock
BEYOND = bucket data_images data_remote data_shards data_videos keras pytorch tensorflow

.PHONY: test-unit
test-unit: ## Pure logic, in seconds
	$(COMPILED) $(PYTEST) $(UNIT) -m "not (numpy or processes or torch or tensorflow)" $(JUNIT)

.PHONY: test-thorough
test-thorough: ## What must hold for any input, with forty times as many
	TRAINSHED_HYPOTHESIS=thorough $(COMPILED) $(PYTEST) $(UNIT) -m hypothesis $(JUNIT)

.PHONY: test-buildpod
test-buildpod: ## What a build pod runs: the real git, ssh and uv, with servers on loopback; its lists
	$(COMPILED) $(PYTEST) tests/buildpod -n $$(($$(nproc) + 1)) --dist worksteal -p no:kmock $(JUNIT)

# An environment of its own: the storage's libraries hold back what the operator needs.
BESIDE = UV_PROJECT_ENVIRONMENT=$(CURDIR)/build/data-venv $(UV) run --project images/trainer \
  --frozen --extra data --extra metrics --extra tensorboard env PYTHONPATH=images/trainer

.PHONY: test-data
test-data: ## The library with NumPy and in processes: launcher, files, object storage, TensorBoard
	$(COMPILED) $(BESIDE) pytest images/trainer/tests -m "numpy or processes" \
	  $(patsubst %,--ignore-glob='*/test_*%*.py',keras pytorch runs tensorflow) $(JUNIT)

# The image has no compiler: what is run in it has one for a moment. py3compile: see its Dockerfile.
COMPILER = ln -s /bin/true /usr/local/bin/py3compile \
  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
  -o DPkg::Path=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin g++ libtorch-dev python3-dev python3-setuptools >/dev/null

# Each imports the framework and traces graphs of its own: many take more memory than they save time.
PAIR = -n $$(nproc) --maxprocesses 4 --dist worksteal

.PHONY: test-trainer
test-trainer: ## The training library inside the images of both frameworks
	$(RUN) python -m hack.images build pytorch tensorflow
	$(RUN) python -m hack.images smoke pytorch tensorflow
	rm -rf build/runs
	$(RUN) python -m hack.images run pytorch -- python3 -m pytest images/trainer/tests -m "torch or numpy" $(PAIR) \
	  --ignore images/trainer/tests/test_callbacks_pytorch.py \
	  --ignore images/trainer/tests/test_pytorch_compiled.py
	$(RUN) python -m hack.images run pytorch -- sh -c '$(COMPILER) \
	  && python3 -m pytest images/trainer/tests/test_pytorch_compiled.py'
	$(UV) pip install --quiet --target build/callbacks --python-version 3.13 --python-platform linux \
	  --only-binary :all: --no-deps --require-hashes -r images/trainer/tests/callbacks.txt
	$(RUN) python -m hack.images run pytorch -- sh -c 'PYTHONPATH=$$PYTHONPATH:build/callbacks \
	  python3 -m pytest images/trainer/tests/test_callbacks_pytorch.py'
	$(RUN) python -m hack.images run tensorflow -- python3 -m pytest images/trainer/tests -m "tensorflow or numpy" $(PAIR)
	$(RUN) python -m hack.browser
	TRAINSHED_RUNS=build/runs $(BESIDE) pytest images/trainer/tests/test_runs.py images/trainer/tests/test_report.py $(JUNIT)

.PHONY: test-protocol
test-protocol: ## API traffic against a recorded HTTP fake: budgets, errors, leadership
	$(PYTEST) tests/protocol $(JUNIT)

.PHONY: test-charts
test-charts: ## The chart: rendering, schema, policy
	$(RUN) python -m hack.cluster programs
	$(PYTEST) tests/charts -n $$(nproc) --dist worksteal $(JUNIT)

# They start registries, read processes and make volumes where the node is: on this machine.
test-cluster test-e2e bench-scale bench-build bench-placement: export TRAINSHED_PROVIDER ?= host

.PHONY: test-cluster
test-cluster: ## A real API server and a real registry: schema, conflicts, garbage collection
	$(RUN) python -m hack.cluster up
	$(PYTEST) tests/cluster $(JUNIT)

# They end the operator, or install another registry.
ALONE = tests/e2e/test_restarts.py tests/e2e/test_bundled_registry.py tests/e2e/test_kueue.py

.PHONY: test-e2e
test-e2e: ## The chart on a real node: jobs, failures, dashboards
	$(RUN) python -m hack.demo --prepare
	$(PYTEST) tests/e2e -n 3 --dist loadfile $(ALONE:%=--ignore %) $(JUNIT)
	$(PYTEST) $(ALONE) --junitxml=build/tests/test-alone.xml

.PHONY: test-gpu
test-gpu: ## Training on a GPU in each framework that is here; it says what is not
	$(RUN) python -m hack.gpu

##@ Measurements
# One that misses its range must not hide the figures of another.
.PHONY: bench
bench: ## Run every bench, figures in build/bench.json
	@worst=0; for each in bench-scale bench-build bench-placement bench-train; do \
	  $(MAKE) $$each || { code=$$?; if [ $$code -gt $$worst ]; then worst=$$code; fi; }; \
	done; exit $$worst

.PHONY: bench-scale
bench-scale: ## Burst, latency, API calls and memory with kwok nodes
	$(RUN) python -m hack.demo --prepare
	$(RUN) python -m tests.scale

.PHONY: bench-build
bench-build: ## Image builds beside engines that run a Dockerfile
	$(RUN) python -m hack.demo --prepare
	$(RUN) python -m tests.builds

.PHONY: bench-placement
bench-placement: ## Choosing among 5,000 nodes, and what their reports cost
	$(RUN) python -m hack.demo --prepare
	$(RUN) python -m tests.placement

.PHONY: bench-train
bench-train: ## Training in both frameworks beside plain scripts of the same
	$(RUN) python -m hack.images build pytorch tensorflow
	$(RUN) python -m tests.train

##@ Parts
.PHONY: crds
crds: ## Write crds/ and the API's reference from the models
	$(RUN) python -m hack.crds
	$(RUN) python -m hack.reference

.PHONY: dashboards
dashboards: ## Write the Grafana dashboards
	$(RUN) python -m hack.dashboards

.PHONY: images
images: ## Build the images: base, operator, pytorch, tensorflow
	$(RUN) python -m hack.images build

.PHONY: cluster-up
cluster-up: ## Bring up the local cluster
	$(RUN) python -m hack.cluster up

.PHONY: fake-devices
fake-devices: ## Add fake GPU and FPGA nodes to the local cluster, to try placement
	$(RUN) python -m hack.cluster up --devices

.PHONY: cluster-down
cluster-down: ## Take down the local cluster and all that belongs to it
	$(RUN) python -m hack.cluster down

.PHONY: demo-down
demo-down: cluster-down ## Take down what `make demo` brought up

.PHONY: format
format: ## Format the code
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
