#!/usr/bin/env bash
# Install into .venv, then lint, types and tests; types are checked beside the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
export OMP_NUM_THREADS=1
.venv/bin/ruff check .
.venv/bin/ruff format --check .
said=$(mktemp)
trap 'rm -f "$said"' EXIT
.venv/bin/mypy > "$said" 2>&1 & types=$!
status=0
# A file at a time, so that what its tests share is made once.
.venv/bin/pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=10 "$@" || status=$?
wait "$types" || status=$?
cat "$said"
exit "$status"
