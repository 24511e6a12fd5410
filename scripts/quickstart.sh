#!/usr/bin/env bash
# Install into .venv, run the demonstration study and print where its report is. Run again to continue or to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
exec .venv/bin/pareto-search run configs/quickstart.yaml --out "${1:-runs/quickstart}"
