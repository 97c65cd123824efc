# Everything happens in .venv, which is made on first use from requirements.lock.

PYTHON ?= python3
BIN := .venv/bin
TASK ?= optimize slow queries

.PHONY: route test bench bench-accuracy bench-evaluation bench-scale bench-wild lock wheel

route: .venv/ready
	@$(BIN)/route "$(TASK)"

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

bench: .venv/ready
	$(BIN)/python bench/speed.py

bench-accuracy: .venv/ready
	@$(BIN)/python bench/accuracy.py $(DATA)

bench-evaluation: .venv/ready
	@$(BIN)/python bench/evaluation.py

bench-scale: .venv/ready
	@$(BIN)/python bench/scale.py

bench-wild: .venv/ready
	@$(BIN)/python bench/wild.py $(or $(DATA),--synthetic 15000)

wheel: .venv/ready
	$(BIN)/python -m hatchling build -t wheel

# Needs `uv`; only when a dependency in pyproject.toml changes.
lock:
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
		--group dev pyproject.toml -o requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed; try make PYTHON=python3.12"'
	@echo "installing into .venv (once) …" >&2
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
