# Everything runs in .venv, which the first target that needs it sets up.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV := .venv
LINT_VENV := .venv-lint
MUTATION_VENV := .venv-mutation
DOCS_VENV := .venv-docs
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder
# Tests that need no TensorFlow, which alone takes a process ten seconds to import.
UNIT_TESTS := tests/crypto tests/tff_health/data tests/tff_health/test_flags.py tests/test_architecture.py

.DEFAULT_GOAL := help
.PHONY: help setup run test check drills apart lint mutation federation bench doctor docs package lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install all packages into .venv (done once; other targets do it when needed)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 is needed and was not found: install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m tff_health.install $(VENV) requirements.txt

run: setup ## compare the five schemes on embedded images, and leave a report in results/
	@$(RUN) run_experiments.py --experiment=schemes

test: setup ## run all tests
	@$(PYTEST)

check: lint ## guard a change while you work: style, types and unit tests (a minute or two)
	@$(PYTEST) -m "not slow and not drill" $(UNIT_TESTS)

drills: setup ## run what `make test` also runs: kills, full disks, random input (longer: TFF_HEALTH_DRILLS=long)
	@$(PYTEST) -m drill

apart: setup ## run tests beside other libraries, and findings/, in environments of their own (installs them)
	@TFF_HEALTH_INSTALL=1 $(PYTEST) -m apart
	@for finding in findings/*.sh; do echo "$$finding"; bash "$$finding" || exit 1; done

lint: setup ## check style and types
	@$(PYTHON) -m tff_health.install $(LINT_VENV) requirements/lint.txt
	@$(LINT_VENV)/bin/ruff check .
	@$(LINT_VENV)/bin/ruff format --check .
	@$(LINT_VENV)/bin/mypy --python-executable $(RUN) --strict crypto tff_health/data
	@$(LINT_VENV)/bin/mypy --python-executable $(RUN) tff_health models run_experiments.py

mutation: setup ## see which breaks of crypto/ no test notices (long): make mutation MODULES="primitives/shamir"
	@$(PYTHON) -m tff_health.install $(MUTATION_VENV) requirements/mutation.txt
	@$(MUTATION_VENV)/bin/python tests/crypto/mutation.py $(MODULES) $(if $(SAMPLE),--sample=$(SAMPLE))

federation: setup ## run a server and five hospitals on this machine, kill one and start it again (a minute or two)
	@$(RUN) -m examples.federation.loopback

bench: setup ## run the benchmarks (minutes; best on an idle machine)
	@$(RUN) -m benchmarks.tff_round
	@$(RUN) -m benchmarks.scheme_rounds
	@$(RUN) -m benchmarks.dp_step
	@$(RUN) -m benchmarks.own_images
	@$(RUN) -m benchmarks.crypto
	@$(RUN) -m benchmarks.federation

doctor: setup ## say what works on this machine, and what does not
	@$(RUN) -m tff_health.doctor

docs: ## build the pages as a site in .site, and check every link
	@$(PYTHON) -m tff_health.install $(DOCS_VENV) requirements/docs.txt
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet
	@echo "site: .site/index.html"

package: ## build the wheel, install it with its core dependencies alone, and compute a secure sum
	@$(PYTHON) -m tools.package

lock: ## resolve requirements/direct.in into requirements.txt
	@$(PYTHON) -m tff_health.install $(LINT_VENV) requirements/lint.txt
	@$(LINT_VENV)/bin/uv pip compile requirements/direct.in --override requirements/override.txt \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_31 \
	  --custom-compile-command 'make lock' --quiet --annotation-style line \
	  --output-file requirements.txt
	@$(LINT_VENV)/bin/uv pip compile requirements/docs.in --python-version 3.11 --quiet \
	  --custom-compile-command 'make lock' --annotation-style line --output-file requirements/docs.txt
	@$(LINT_VENV)/bin/uv pip compile requirements/nvflare.in --python-version 3.11 --quiet \
	  --python-platform x86_64-manylinux_2_31 --custom-compile-command 'make lock' \
	  --annotation-style line --output-file requirements/nvflare.txt

clean: ## remove what these targets made, .venv too; results stay
	rm -rf $(VENV) $(LINT_VENV) $(MUTATION_VENV) $(DOCS_VENV) .site dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
