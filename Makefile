# Every target sets the project up first where that has not been done. Needs Python >= 3.11 and make.
# The newest Python there is: students' code may be written for it. Reports say which one graded.
PYTHON ?= $(shell for each in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$each -c 'import ensurepip, venv' 2>/dev/null && echo $$each && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
TESTS := OMP_WAIT_POLICY=PASSIVE $(RUN) -m pytest -q -n auto --maxprocesses 4 --dist worksteal

.PHONY: doctor setup grade test lint stubs gradescope redteam fuzz audit assets train bench-fid test-all help
.DEFAULT_GOAL := help

help:  ## what there is to do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## a virtual environment with everything pinned, and the sandbox where it may be installed

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/setup.sh
	@touch $(READY)

grade: $(READY)  ## make grade SUBMISSION=path [ASSIGNMENT=id] [OUT=folder] [FLAGS="--quick"]
	@test -n "$(SUBMISSION)" || { echo 'say what to grade: make grade SUBMISSION=path/to/folder-or-zip'; exit 2; }
	@$(RUN) -m grading grade "$(SUBMISSION)" $(if $(ASSIGNMENT),--assignment "$(ASSIGNMENT)") $(if $(OUT),--out "$(OUT)") $(FLAGS)

test: $(READY)  ## the tests; slow ones are left to make test-all
	@$(TESTS) -m "not slow" $(ARGS)

test-all: $(READY)  ## every test
	@$(TESTS) $(ARGS)

lint: $(READY)  ## ruff and mypy
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check . && $(RUN) -m mypy

stubs: $(READY)  ## student_stub/ from reference/
	@$(RUN) -m grading stubs

gradescope: $(READY)  ## make gradescope ASSIGNMENT=id [MINUTES=10]: the zip for Gradescope, in dist/
	@test -n "$(ASSIGNMENT)" || { echo 'say which assignment: make gradescope ASSIGNMENT=cmput328_a5'; exit 2; }
	@$(RUN) -m grading gradescope "$(ASSIGNMENT)" $(if $(MINUTES),--minutes "$(MINUTES)") $(FLAGS)

doctor: $(READY)  ## which sandboxes work here, and what is missing
	@$(RUN) -m grading doctor

redteam: $(READY)  ## hand in hostile submissions and see that each comes to nothing [FLAGS="--only nosy --seed random"]
	@$(RUN) -m grading redteam $(FLAGS)

fuzz: $(READY)  ## whatever an answer may hold, it is judged: EXAMPLES (default 120) altered answers for each check
	@ELBOGRADE_FUZZ=$(or $(EXAMPLES),120) $(RUN) -m pytest -q -s tests/test_wire_fuzz.py $(FLAGS)

audit: $(READY)  ## changes that alter no answer, made to every reference: none may cost a mark [FLAGS="--only tabs"]
	@$(RUN) scripts/audit.py $(FLAGS)

assets: $(READY)  ## the embedded assets of DATASET (default fashion_mnist) from the full data in DATA_ROOT
	@$(RUN) -m grading.assets.build $(or $(DATASET),fashion_mnist)

train: $(READY)  ## the reference weights: make train ASSIGNMENT=id, with the full data in DATA_ROOT
	@PYTHONPATH=reference $(RUN) reference/$(ASSIGNMENT)/train.py $(ARGS)

bench-fid: $(READY)  ## our FID against clean-fid's: the same values, sooner; about four minutes
	@$(RUN) scripts/bench_fid.py
