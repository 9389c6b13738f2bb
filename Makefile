# Each target makes .venv itself; nothing else has to be installed by hand.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: vision report test lint bench soak calibrate docs linkcheck gallery imagenet clean fuzz mutants

report: .venv/ready
	$(BIN)/xai report

test: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal

fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz 20000

mutants: .venv/ready
	$(BIN)/python -m benchmarks.mutants

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check xai models

bench: .venv/ready
	$(BIN)/python -m benchmarks.batch_size
	$(BIN)/python -m benchmarks.attribution
	$(BIN)/python -m benchmarks.checks

soak: .venv/ready
	$(BIN)/python -m benchmarks.scale --only kills --kills 200
	$(BIN)/python -m benchmarks.soak --kills 200
	$(BIN)/python -m benchmarks.interrupts --count 3000

calibrate: .venv/ready
	$(BIN)/python -m benchmarks.calibrate_checks
	$(BIN)/python -m benchmarks.calibrate_lime
	$(BIN)/python -m benchmarks.calibrate_compare
	$(BIN)/python -m benchmarks.calibrate_audit
	$(BIN)/python -m benchmarks.calibrate_visualization

docs: .venv/ready
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build

# Asks every address that the pages name, which takes a network; tutorials are not executed for it.
linkcheck: .venv/ready
	$(BIN)/python -m sphinx -b linkcheck -q -D plot_gallery=0 docs docs/_build/links

gallery: .venv/ready
	$(BIN)/python reports/make_gallery.py

# Networks of torchvision and timm. Apart, since transformers imports whatever torchvision it finds, fitting or not.
vision: .venv/ready
	$(INSTALL) -e '.[vision]'
	$(BIN)/python -m pytest -q tests/adapters tests/attribution/test_lrp_transformers.py tests/model

imagenet: .venv/ready
	$(INSTALL) -e '.[imagenet]'
	$(BIN)/python reports/imagenet/make.py

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv runs build dist
