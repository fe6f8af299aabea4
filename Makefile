# make run     serve the app on 127.0.0.1:7860          make test    set up, check and test everything but `gpu`
# make check   ruff, mypy, contracts, house, cards      make bench   speed, as ratios against baselines in the same run
# make serve-env   the environment of the model server (vLLM)      make bench-llm   tuning and serving speed
PYTHON ?= python3.11
PYTHON_FOUND := $(shell command -v $(PYTHON) || command -v python3)
HOST ?= 127.0.0.1
PORT ?= 7860
LLM ?=
MODEL ?=
ARGS ?=

.PHONY: run test lint check bench bench-llm browser serve-env

# Each recipe asks .ci/env.py for the interpreter of its environment, which it builds the first time.
define with_env
@set -e; python="$$($(PYTHON_FOUND) .ci/env.py $(1))"; $(2)
endef

run:
	$(call with_env,run,exec "$$python" app.py --host $(HOST) --port $(PORT) $(if $(LLM),--llm "$(LLM)") $(if $(MODEL),--model "$(MODEL)") $(ARGS))

lint:
	$(call with_env,test,bin="$$(dirname "$$python")"; "$$bin/ruff" check . && "$$bin/ruff" format --check . && "$$python" -m mypy && PYTHONPATH=. "$$bin/lint-imports" --no-cache)

# With what goes stale unseen: the house's rules, and MODEL_CARDS.md beside the cards.
check: lint
	$(call with_env,test,"$$python" -m pytest -q tests/house tests/perception/test_cards.py)

browser:
	@sh .ci/browser.sh

# The model server's environment: 2.5 GB, built once; without it the tests marked `vllm` skip and say so.
serve-env:
	@$(PYTHON_FOUND) .ci/serve_env.py

test: browser serve-env lint
	$(call with_env,test,"$$python" -m pytest -q $(ARGS))

bench:
	$(call with_env,test,"$$python" -m tests.bench)

bench-llm:
	$(call with_env,test,"$$python" -m tests.bench llm)
