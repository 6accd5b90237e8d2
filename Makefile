# The commands a contributor and CI run. `make demo` and `make test` set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp
WORKERS ?= 2
SOURCES := groundlane models parsers scoring serving benchmarks tests examples docs/_site

.PHONY: browser setup format lint test test-quick demo fuzz lock serve bench gpu-kit docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "groundlane needs Python 3.11 to 3.13; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0" -c constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]" -c constraints.txt
	touch $(STAMP)

format: setup
	$(BIN)/ruff check --fix --quiet $(SOURCES)
	$(BIN)/ruff format --quiet $(SOURCES)

lint: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pages are tested in Debian's Chromium. Where it cannot be installed, GROUNDLANE_NO_BROWSER=1 leaves those tests out.
browser:
	@command -v chromium >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-noto-core; \
	elif [ "$$GROUNDLANE_NO_BROWSER" != 1 ]; then \
	  echo "The tests of the pages need Chromium. Install it (Debian: sudo apt-get install chromium), or set GROUNDLANE_NO_BROWSER=1." >&2; exit 1; \
	fi

test: lint browser
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder --durations=40 --durations-min=5

test-quick: setup
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -m "not serve and not store"

# Random inputs for every parser and decoder; what fails is kept in tests/fuzz/corpus, which `make test` repeats.
MINUTES ?= 10
fuzz: setup
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(if $(TARGET),--target $(TARGET))

# requirements.lock: what the image installs, with the hash of every file, from pyproject.toml at the versions of constraints.txt.
lock: build/lock/bin/uv
	printf 'setuptools>=77\n' | build/lock/bin/uv pip compile pyproject.toml - --extra gpu --extra postgres --constraint constraints.txt \
	  --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --quiet --output-file requirements.lock

build/lock/bin/uv:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

demo: setup
	$(BIN)/python examples/demo.py

serve: setup
	$(BIN)/groundlane serve

bench: setup
	$(BIN)/python -m benchmarks.latency --json benchmarks/results/latency.json

# What a GPU machine without network lacks: DATA are prepared JSON lines, SHARED a folder that is carried as well.
gpu-kit: setup
	$(BIN)/python -m benchmarks.gpu_kit pack --out gpu-kit $(if $(SHARED),--shared $(SHARED)) --data $(wildcard $(DATA))

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
