#!/usr/bin/env bash
# Run a study on this machine. Run again to continue.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: scripts/run_local.sh CONFIG OUT [options of pareto-search run]" >&2
    exit 2
fi
PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
exec pareto-search run "$1" --out "$2" "${@:3}"
