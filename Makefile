# Every target builds what it needs of .venv itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 20
GRID_SEEDS ?= 30
PACKAGES := simulator models profiles workloads experiments
FILES = $(shell find cutlayer $(PACKAGES) -name '*.py' | wc -l)
TREE := build/tree

# an install that replaced the checkout's (`pip install .`), removed it, or is of a checkout that has moved: put it back
ifeq ($(shell grep -ls "'$(CURDIR)/cutlayer'" $(VENV)/lib*/python*/site-packages/__editable___cutlayer_*.py),)
.PHONY: $(VENV)/.core
endif

.PHONY: install demo test test-slow lint docs bench clean

install: $(VENV)/.core  ## .venv/bin/cutlayer

demo: $(VENV)/.core  ## redraw the paper's figures and check its claims (no torch needed)
	$(BIN)/cutlayer reproduce --seeds $(SEEDS) --out results/paper

test: $(VENV)/.test  ## everything but what takes minutes, on every core
	$(BIN)/python -P -m pytest -n auto

test-slow: $(VENV)/.test  ## everything, also what takes minutes
	$(BIN)/python -P -m pytest -m "slow or not slow"

lint: $(VENV)/.test  ## style, types, and which module may import which; through a copy laid out as installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	rm -rf $(TREE) && mkdir -p $(TREE) && cp -R cutlayer $(TREE) && cp -R $(PACKAGES) $(TREE)/cutlayer
	$(BIN)/mypy $(TREE)/cutlayer > build/mypy.log || { cat build/mypy.log; false; }
	grep " in $(FILES) source files" build/mypy.log
	(cd $(TREE) && $(CURDIR)/$(BIN)/lint-imports --no-cache $(CURDIR)/setup.cfg) > build/imports.log || { cat build/imports.log; false; }
	test $$(sed -n "s/Analyzed \([0-9]*\) files.*/\1/p" build/imports.log) -ge $(FILES)

docs: $(VENV)/.docs  ## the documentation as pages that open offline: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: $(VENV)/.core  ## ratios against references measured in the same run
	$(BIN)/python -m cutlayer.experiments.bench.admission
	$(BIN)/python -m cutlayer.experiments.bench.frames
	$(BIN)/python -m cutlayer.experiments.bench.bounds
	$(BIN)/python -m cutlayer.experiments.bench.prices
	$(BIN)/python -m cutlayer.experiments.bench.sweep --grid $(GRID_SEEDS)

clean:  ## remove the environment and all results
	rm -rf $(VENV) results site build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cutlayer needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --editable '.[profile,test,docs]'
	touch $@

$(VENV)/.docs: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@
