#!/usr/bin/env bash
# Install into .venv and build the documentation into a folder, site/ where none is given. Any warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
export NO_MKDOCS_2_WARNING=1 # of the theme, about a later MkDocs
.venv/bin/mkdocs build --strict --quiet --site-dir "${1:-site}"
echo "docs: open ${1:-site}/index.html"
