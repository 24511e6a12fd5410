"""The run's results in SQLite: a row per network, per epoch, and per event of the run."""

from pareto_search.store.reader import ResultReader
from pareto_search.store.writer import ResultStore

__all__ = ["ResultReader", "ResultStore"]
