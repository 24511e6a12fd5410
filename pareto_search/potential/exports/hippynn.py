"""For hippynn: a folder with a checkpoint that hippynn reads."""

from pathlib import Path

from pareto_search.errors import ConfigError
from pareto_search.files import whole_folder
from pareto_search.potential.exports import Export, TrainedModel
from pareto_search.potential.hipnn.hippynn_files import of_hippynn, write_checkpoint


def _write(model: TrainedModel, path: Path) -> None:
    potential = of_hippynn(model.potential, "hippynn")
    if "some" in model.periodic_directions:
        raise ConfigError(
            f"{model.model_id} cannot be exported to hippynn: frames of its data are periodic in some directions, "
            "but hippynn's in all or none; export it with --to ase or --to lammps"
        )
    with whole_folder(path) as folder:
        write_checkpoint(folder, potential, is_periodic="all" in model.periodic_directions)


EXPORT = Export(_write, how_to_read="read there by hippynn.experiment.serialization.load_checkpoint_from_cwd()")
