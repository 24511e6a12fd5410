"""Each room loads without the packages it must not know (README, "How it works")."""

import re
import subprocess
import sys

import pytest

FORBIDDEN = {
    "config": {"torch", "ray", "optuna", "plotly", "hippynn", "pandas"},
    "config_file": {"torch", "ray", "optuna", "plotly", "hippynn"},
    "records": {"torch", "ray", "optuna", "plotly", "hippynn", "numpy"},
    "errors": {"torch", "ray", "optuna", "plotly", "hippynn", "numpy"},
    "data": {"ray", "optuna", "plotly", "hippynn"},
    "potential": {"ray", "optuna", "plotly"},
    "measure": {"ray", "optuna", "plotly"},
    "training": {"ray", "optuna", "plotly"},
    "store": {"ray", "optuna", "torch"},
    "run_directory": {"ray", "optuna", "torch"},
    "search": {"plotly"},
    "analysis": {"torch", "ray", "hippynn", "plotly"},
    "report": {"torch", "ray", "hippynn"},
    "cli": {"torch", "ray", "optuna", "plotly", "hippynn", "pandas", "numpy"},
    "study": {"ray", "plotly"},
    "stages": {"ray", "plotly"},
}

LOAD = """
import importlib, pkgutil, sys
room = importlib.import_module("pareto_search." + sys.argv[1])
for module in pkgutil.iter_modules(getattr(room, "__path__", [])):
    importlib.import_module(f"{room.__name__}.{module.name}")
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_room_loads_nothing_forbidden(room):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, room], capture_output=True, text=True, check=True
    )
    assert not FORBIDDEN[room] & set(done.stdout.split())


def test_two_files_import_hippynn(request):
    """The model, and its export to hippynn's own files."""
    package = request.config.rootpath / "pareto_search"
    importing = re.compile(r"^\s*(import|from) hippynn\b", re.MULTILINE)
    importers = {path.name for path in package.rglob("*.py") if importing.search(path.read_text())}
    assert importers == {"hipnn.py", "hippynn_files.py"}


def test_measure_does_not_import_training(request):
    for path in (request.config.rootpath / "pareto_search" / "measure").glob("*.py"):
        assert "pareto_search.training" not in path.read_text(), path
