# Two commands are all a newcomer needs: make demo, make test. Each sets up .venv first (nothing to do: < 2 s).
# make setup EXTRAS=train TORCH_INDEX=URL also installs what training needs, EXTRAS=infer further runtimes of networks.

PYTHON ?= python3
EXTRAS ?=
UPDATE ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: demo test test-long test-oldest verify golden gate lint kernels kernels-cuda gpu-check setup help

demo: setup  ## run the whole suite on a synthetic drive; report in out/demo/report.html
	$(BIN)/autonomy-perception demo

test: setup lint  ## lint, then every test that is not marked long: those of one process on every core, then those that start ROS
	$(PYTEST) -m "not long and not live" -n auto --dist loadfile
	$(PYTEST) -m "not long and live"

test-long: setup  ## the slow tests: many points, soak
	$(PYTEST) -m long

test-oldest: setup  ## Python 3.10, where it is at hand: import every module, the fast tests
	$(BIN)/nox -s fast-3.10 --no-error-on-missing-interpreters

verify: setup  ## quick tests on every Python at hand; what came out goes into the README's table
	RECORD=1 $(BIN)/nox --no-error-on-missing-interpreters

golden: setup  ## renew the golden outputs of test/golden, say what changed, draw it into out/golden
	$(BIN)/python test/golden/renew.py

gate: setup  ## this repository through its own gate, on a drive made now (UPDATE=--update renews its baseline)
	rm -rf out/gate
	$(BIN)/autonomy-perception simulate --scenario junction --seed 3 --duration 1.5 --rig nuscenes --no-cameras --workers 1 -o out/gate/junction
	$(BIN)/autonomy-perception gate out/gate/junction --vehicle out/gate/junction.vehicle.yaml \
		--baseline test/gate/own/junction.json --junit out/gate/junit.xml $(UPDATE)

lint: setup  ## ruff, mypy, import floors, shellcheck, package.xml
	tools/lint.sh

kernels: setup  ## compile libap_cpu.so
	$(BIN)/python kernels/build.py cpu

kernels-cuda: setup  ## compile libap_cuda.so with nvcc, for every architecture of our list that it knows
	$(BIN)/python kernels/build.py cuda

gpu-check: setup kernels-cuda  ## on a machine with an NVIDIA GPU: every kernel against the CPU build, timed
	$(BIN)/python kernels/gpu_check.py

setup:  ## packages, interface packages, kernels, all under .venv
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: sudo apt install python3 python3-venv python3-dev"; exit 1; }
	@$(PYTHON) tools/setup_env.py --extras="$(EXTRAS)"

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
