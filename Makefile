# Two commands do everything on a fresh machine: `make repro` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help venv start repro quick replay live score serve actions scan rotate-key forget trial test check promote rollback \
  lab ui cluster peers docs screenshots phrases lock
SHELL := /bin/bash

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export PYTHONPATH := src

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

venv: .venv/installed ## install what requirements.lock says into .venv, if it is missing or stale

.venv/installed: requirements.lock pyproject.toml
	@command -v git >/dev/null || { echo "git is missing: install it (Debian: apt install git; macOS: xcode-select --install)."; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V): Python 3.11 or newer is needed; name one: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (Debian: apt install python3-venv)."; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@! git rev-parse --git-dir >/dev/null 2>&1 || { \
	  git config filter.nbstripout.clean '"$(CURDIR)/.venv/bin/python" -m nbstripout --keep-id --extra-keys metadata.language_info'; \
	  git config filter.nbstripout.smudge cat; \
	  git config diff.ipynb.textconv '"$(CURDIR)/.venv/bin/python" -m nbstripout --textconv'; }
	@touch $@

start: venv ## look at your own files, FILES="a.csv b.xlsx", and write params.yaml; OPTIONS="--field shop ..." corrects a guess
	python -m membership.pipeline.start $(FILES) $(OPTIONS)

repro: venv ## run the pipeline: every stage whose code, data or parameters changed
	dvc repro
	@python -m membership.pipeline.restored

quick: venv ## run the whole pipeline on a few members, in .quick/
	python -m membership.pipeline.sandbox

replay: venv ## run four periods one after the other, each in .replay/<as_of>/, carrying champion and predictions forward
	python -m membership.pipeline.replay

live: venv ## save current predictions for comparison with what happens in the next period
	python -m membership.pipeline.live

score: venv ## score everybody by the models that stand, from the newest data or as of AS_OF=2017-12-08, into reports/live/<as_of>/
	env $$(python -m membership.base.kernels) python -m membership.pipeline.monday $(if $(AS_OF),--as-of $(AS_OF))

actions: venv ## write reports/private/actions.* anew, by pseudonym; ORIGINAL_IDS=yes: beside it by the ids of the source
	python -m membership.pipeline.published $(if $(filter yes,$(ORIGINAL_IDS)),--original-ids)

serve: venv ## answer requests for members by the champion, on PORT=5001 of this machine; README, "Serving"
	python -m membership.pipeline.door --port $(or $(PORT),5001)

scan: venv ## look through all that leaves data/ for ids of members and groups below privacy.k
	python -m membership.pipeline.scan

rotate-key: venv ## make a new key, and put the new pseudonyms where the old ones stand
	python -m membership.pipeline.rotate

forget: venv ## erase MEMBER=... (an id or a pseudonym) from all that is kept here, and say what is left
	python -m membership.pipeline.forget "$(MEMBER)"

trial: venv ## read the live test NAME=...: is it trustworthy, what changed, what follows
	env $$(python -m membership.base.kernels) python -m membership.pipeline.trial $(NAME)

test: venv ## check style, import order and behaviour
	ruff check .
	ruff format --check .
	lint-imports
	env $$(python -m membership.base.kernels) python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: venv ## compare the new metrics with the committed ones
	python -m membership.pipeline.check

promote: venv ## make the challenger the champion, if the decision, brought up to date, says so; judge again
	dvc repro
	python -m membership.pipeline.champion promote
	dvc repro

rollback: venv ## bring the previous champion back, and judge again
	python -m membership.pipeline.champion rollback
	dvc repro

lab: venv ## open JupyterLab
	env $$(python -m membership.base.kernels) jupyter lab notebooks/00_start.ipynb

ui: venv ## open the MLflow UI: runs, metrics, models
	@python -m membership.pipeline.store  # finds artifacts again where the checkout was moved
	@python -m membership.pipeline.told
	mlflow ui --workers 1

cluster: venv ## PostgreSQL, an MLflow server and Spark on this machine, until Ctrl-C; OPTIONS="--only postgres,mlflow" starts some
	python -m membership.pipeline.cluster $(OPTIONS)

peers: .peers/value/installed .peers/recommend/installed .peers/sequence/installed ## install what the benchmarks compare with, in environments of their own

.peers/%/installed: benchmarks/peers/%.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V): the peers need Python 3.11; name one: make peers PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(@D)
	PYTHONPATH= $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

docs: venv .docs/installed ## build the documentation in .docs/site/: how to start, stages, parameters, methods; index.html opens from disk
	python docs/build.py
	PYTHONPATH= NO_MKDOCS_2_WARNING=true .docs/bin/mkdocs build --quiet --strict --clean -f .docs/mkdocs.yml

.docs/installed: docs/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	PYTHONPATH= $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

screenshots: venv ## pictures of the site, JupyterLab and MLflow, by chromium, into .docs/screenshots/
	bash docs/screenshots.sh

phrases: venv ## bring the catalogues in src/membership/report/languages up to date with what templates say
	python -m membership.report.phrases

lock: ## write requirements.lock anew, for all platforms (needs uv, and a CPU build of torch in UV_FIND_LINKS)
	uv pip compile pyproject.toml --extra test -o requirements.lock --python-version 3.11 --universal --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links
	# torch's own metadata brings the CUDA packages that its build needs: named here, a CPU machine would load them too
	sed -i -E -e '/^(cuda-|nvidia-|triton=)/d' -e 's/^(torch==[0-9.]+)\+cpu/\1/' requirements.lock
	for platform in linux aarch64-unknown-linux-gnu aarch64-apple-darwin windows; do \
	  for version in 3.11 3.12; do \
	    uv pip compile requirements.lock --no-deps -q -o /dev/null --python-platform $$platform --python-version $$version \
	      --only-binary :all: --no-binary antlr4-python3-runtime || exit 1; \
	  done; \
	done
