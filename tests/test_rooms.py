"""Each room loads without the packages it must not know (README, "How it works")."""

import json
import re
import subprocess
import sys

import pytest

#: What must not be loaded with a room. The rooms of a list are loaded one after the other, in one process.
FORBIDDEN: list[dict[str, set[str]]] = [
    {
        "cli": {"torch", "ray", "optuna", "plotly", "hippynn", "pandas", "numpy"},
        "errors": {"torch", "ray", "optuna", "plotly", "hippynn", "numpy"},
        "records": {"torch", "ray", "optuna", "plotly", "hippynn", "numpy"},
        "config": {"torch", "ray", "optuna", "plotly", "hippynn", "pandas"},
        "config_file": {"torch", "ray", "optuna", "plotly", "hippynn"},
        "store": {"torch", "ray", "optuna"},
        "run_directory": {"torch", "ray", "optuna"},
        "analysis": {"torch", "ray", "hippynn", "plotly"},
        "report": {"torch", "ray", "hippynn"},
    },
    {
        "data": {"ray", "optuna", "plotly", "hippynn"},
        "potential": {"ray", "optuna", "plotly"},
        "measure": {"ray", "optuna", "plotly"},
        "training": {"ray", "optuna", "plotly"},
        "networks": {"ray", "optuna", "plotly"},
        "study": {"ray", "plotly"},
        "stages": {"ray", "plotly"},
        "search": {"ray", "plotly"},
        "cluster": {"plotly"},
    },
]

LOAD = """
import importlib, json, pkgutil, sys
loaded = {}
for name in sys.argv[1:]:
    room = importlib.import_module("pareto_search." + name)
    for module in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
        importlib.import_module(module.name)
    loaded[name] = sorted({module.split(".")[0] for module in sys.modules})
print(json.dumps(loaded))
"""


@pytest.mark.slow
@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_rooms_load_nothing_forbidden(forbidden: dict[str, set[str]]) -> None:
    command = [sys.executable, "-W", "ignore", "-c", LOAD, *forbidden]
    loaded = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert not {room: found for room, modules in loaded.items() if (found := forbidden[room] & set(modules))}


def test_one_folder_imports_hippynn(request):
    """The file that imports it without PyTorch's compiler, and the export to hippynn's own files."""
    package = request.config.rootpath / "pareto_search"
    importing = re.compile(r"^\s*(import|from) hippynn\b", re.MULTILINE)
    importers = {
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if importing.search(path.read_text())
    }
    assert importers == {f"potential/hipnn/{name}.py" for name in ("hippynn_import", "hippynn_files")}


def test_measure_does_not_import_training(request):
    for path in (request.config.rootpath / "pareto_search" / "measure").glob("*.py"):
        assert "pareto_search.training" not in path.read_text(), path
