#!/usr/bin/env bash
# Continue the study of a run directory with the settings stored there; options may change what is allowed to grow.
set -euo pipefail
if [ $# -lt 1 ] || [ ! -f "$1/config.yaml" ]; then
    echo "usage: scripts/resume.sh OUT [options of pareto-search run]; OUT is a run directory, with its config.yaml" >&2
    exit 2
fi
PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
exec pareto-search run "$1/config.yaml" --out "$1" "${@:2}"
