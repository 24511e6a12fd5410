"""For LAMMPS: a file for `pair_style mliap unified`."""

from pathlib import Path

from pareto_search.potential.exports import Export, TrainedModel
from pareto_search.potential.hipnn.hippynn_files import of_hippynn, write_mliap


def _write(model: TrainedModel, path: Path) -> None:
    write_mliap(path, of_hippynn(model.potential, "lammps"))


EXPORT = Export(_write, how_to_read="units metal; pair_style mliap unified {path} 0")
