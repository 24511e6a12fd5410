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
.venv/bin/pytest --numprocesses=2 --dist=worksteal --durations=10 "$@" || status=$?
wait "$types" || status=$?
cat "$said"
exit "$status"
