"""hippynn's networks: the model, an explicit engine for its usual case, hippynn's own graph, and hippynn's files."""

from pareto_search.potential.hipnn.potential import HipnnPotential

__all__ = ["HipnnPotential"]
