#!/usr/bin/env bash
# Make .venv with the pinned versions. Needs Python 3.11+ and git; does nothing where that is done already.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "install: need Python 3.11 or newer, $("$python" --version) found; set PYTHON=/path/to/python3.11" >&2
    exit 2
}
stamp=.venv/installed
wanted=$(cat pyproject.toml constraints.txt | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0
echo "install: making .venv (minutes) ..."
"$python" -m venv .venv
# PyTorch is the build of pip's index: on Linux, PyPI's is that for CUDA, of gigabytes. The one for CPUs:
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu bash scripts/install.sh
.venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
echo "$wanted" > "$stamp"
