"""Multi-objective search for light HIPNN student potentials, taught by a larger network.

>>> import pareto_search as ps
>>> from ase.build import bulk

>>> report = ps.run(ps.load_config("configs/quickstart.yaml"), "runs/quickstart")  # minutes; done already: seconds
>>> results = ps.open_results("runs/quickstart")
>>> list(results.front[["label", "force_rmse_ev_per_ang"]])
['label', 'force_rmse_ev_per_ang']
>>> figure = results.figure("fig2a")  # figure.show() opens it

>>> student = results.load(results.summary.front[0])
>>> energy, forces = student.energy_forces(bulk("Al", cubic=True))  # eV, eV/Å
>>> forces.shape
(4, 3)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pareto_search.config_file import load_config
    from pareto_search.potential.trained import load
    from pareto_search.results import open_results
    from pareto_search.stages import run

__all__ = ["load", "load_config", "open_results", "run"]

_HOMES = {
    "load": "pareto_search.potential.trained",
    "load_config": "pareto_search.config_file",
    "open_results": "pareto_search.results",
    "run": "pareto_search.stages",
}

if not TYPE_CHECKING:  # or any name would be one of the package's, of unknown type

    def __getattr__(name: str) -> object:
        """Import a public function when it is first used, so that importing the package stays instant."""
        if name not in _HOMES:
            raise AttributeError(f"module 'pareto_search' has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
