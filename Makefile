# The two commands a newcomer needs are `make` and `make test`; `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
QUARTER ?= 2025-26-q4
PARAMS ?= params/demo.yaml
# Tests of one file share what is costly to make, so a file stays with one process; tests/conftest.py puts the longest first.
BOTH   := -n auto --dist loadfile --no-loadscope-reorder
# Two processes share two cores: threads of a third and fourth would only take turns.
export OPENBLAS_NUM_THREADS ?= 1
PORT   ?= 8866

.DEFAULT_GOAL := demo
.PHONY: help demo test smoke ahead coverage mutants drill lab share quarter trust boards lock reference clean

help: ## List the targets, a line each
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## Set up, then render the briefings of the demo publication into reports/demo/ (the default)
	$(BIN)/nof brief params/demo.yaml

test: $(READY) ## Set up, then run all tests
	$(BIN)/python -m pytest $(BOTH)

smoke: $(READY) ## Try the demo, one trust and three notebooks with stock papermill and nbconvert, in a minute or two
	$(BIN)/python tools/smoke.py

# In two years: what is set up here must still work. tests/clock says why Python's sleep is replaced.
AHEAD := FAKETIME_DONT_FAKE_MONOTONIC=1 PYTHONPATH=$(CURDIR)/tests/clock faketime -f '+2y'
SET_UP := tests/test_setup.py::test_
DATED := tests/test_quarter.py tests/test_timeliness.py $(SET_UP)a_newer_release_breaks_the_old_recipe_and_not_this_one \
  $(SET_UP)nothing_is_done_twice_and_what_is_no_longer_locked_goes $(SET_UP)a_set_up_that_is_killed_is_mended_by_the_next

ahead: $(READY) ## Render one page of each kind and run tests of set-up and dates, with the clock two years ahead (wants faketime)
	@command -v faketime >/dev/null || { echo "install faketime (Debian's package of that name) first"; exit 2; }
	$(AHEAD) $(BIN)/nof brief tests/clock/ahead.yaml --out reports/ahead --force
	$(AHEAD) $(BIN)/python -m pytest $(BOTH) $(DATED)

coverage: $(READY) ## Run all tests and name the lines of nof/ that none of them reached
	$(BIN)/python -m pytest $(BOTH) --cov

mutants: $(READY) ## Change the rules one place at a time; name the changes that no test notices (about half an hour)
	$(BIN)/python tools/mutants.py

drill: $(READY) ## Change a quarter's files at random and count what the checks make of it: make drill [SEED=2026] [COUNT=310] [DATA=path TYPE=acute]
	$(BIN)/python tools/drill.py --seed $(or $(SEED),2026) $(if $(COUNT),--count $(COUNT)) $(if $(DATA),--data "$(DATA)") $(if $(TYPE),--type $(TYPE))

lab: $(READY) ## Open JupyterLab on the notebooks; explore.ipynb then opens the folder: make lab [DATA=path]
	$(if $(DATA),NOF_DATA="$$(cd "$(DATA)" && pwd)") $(BIN)/jupyter lab notebooks --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate

# Loopback only, no code, nothing to write, no request to another host; docs/howto/hand-it-to-a-colleague.md says what to
# put in front of it.
POLICY := default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws://127.0.0.1:$(PORT) ws://localhost:$(PORT)

share: $(READY) ## Show the analyst's desk to readers, on this machine's own address: make share [DATA=path] [PORT=8866]
	$(if $(DATA),NOF_DATA="$$(cd "$(DATA)" && pwd)") $(BIN)/voila notebooks/explore.ipynb --no-browser --port=$(PORT) \
	  --Voila.ip=127.0.0.1 --Voila.port_retries=0 --VoilaConfiguration.strip_sources=True \
	  --Voila.tornado_settings="{'headers': {'Content-Security-Policy': \"$(POLICY)\"}}"

quarter: $(READY) ## Render real files: make quarter QUARTER=2025-26-q4 DATA=path
	@test -n "$(DATA)" || { echo "say where the files are: make quarter QUARTER=2025-26-q4 DATA=path"; exit 2; }
	$(BIN)/nof brief params/$(QUARTER).yaml --data "$(DATA)"

trust: $(READY) ## Render one trust's briefing: make trust TRUST=RDY [PARAMS=params/2025-26-q4.yaml] [DATA=path]
	@test -n "$(TRUST)" || { echo "say which trust: make trust TRUST=X0D [PARAMS=params/demo.yaml] [DATA=path]"; exit 2; }
	$(BIN)/nof brief "$(PARAMS)" --trust "$(TRUST)" $(if $(DATA),--data "$(DATA)")

boards: $(READY) ## Render a briefing for every trust's board of the demo publication
	$(BIN)/nof brief params/demo.yaml --all-trusts

lock: $(READY) ## Bring requirements.lock and environment.yml in line with pyproject.toml
	$(BIN)/python tools/lock.py

reference: $(READY) ## Write docs/reference.md from the commands' help and the docstrings
	$(BIN)/python tools/reference.py

clean: ## Remove the virtual environment and everything rendered
	rm -rf $(VENV) reports/*

# Nothing is resolved: what the lock names is installed. An interrupted set-up is mended by the next make.
$(READY): requirements.lock pyproject.toml tools/install.py
	$(PYTHON) tools/install.py
