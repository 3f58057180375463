# `make demo` and `make test` need python3, pip and make only; everything else they install.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint docs bench clean

demo: $(VENV)/installed
	@echo "\n$$ reglint check examples\n"
	@$(BIN)/reglint check --output-format text examples || test $$? -eq 1
	@echo "\n$$ reglint fix --diff examples\n"
	@$(BIN)/reglint fix --diff examples || test $$? -eq 1
	@echo "\n$$ reglint inspect examples/models/digits.keras --data examples/models/digits.npz\n"
	@$(BIN)/reglint inspect examples/models/digits.keras --data examples/models/digits.npz
	@echo "\n$$ reglint regularize examples/models/digits.keras --dry-run --set 'head:kernel=l2(1e-3)'\n"
	@$(BIN)/reglint regularize examples/models/digits.keras --dry-run --set 'head:kernel=l2(1e-3)'

test: $(VENV)/test
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/docs.py --check
	$(BIN)/reglint check .

docs: $(VENV)/installed
	$(BIN)/python tools/docs.py

bench: $(VENV)/installed
	$(BIN)/python benchmarks/speed.py $(ARGS)
	$(BIN)/python benchmarks/models.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .reglint_cache

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) --editable ".[jax]" # the smallest backend that Keras has
	@touch $@

$(VENV)/test $(VENV)/lint: $(VENV)/%: $(VENV)/installed
	$(PIP) --group $*
	@touch $@
