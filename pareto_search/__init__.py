"""Multi-objective search for light HIPNN student potentials, taught by a larger network.

import pareto_search as ps

summary = ps.run(ps.load_config("configs/quickstart.yaml"), "runs/quickstart")
results = ps.open_results("runs/quickstart")
results.front  # a table
results.figure("fig2a").show()
potential = results.load("student-...")
potential.energy_forces(atoms)
"""

from typing import Any

__all__ = ["load", "load_config", "open_results", "run"]

_HOMES = {
    "load": "pareto_search.potential.trained",
    "load_config": "pareto_search.config_file",
    "open_results": "pareto_search.results",
    "run": "pareto_search.stages",
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first used, so that importing the package stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pareto_search' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
