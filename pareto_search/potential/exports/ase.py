"""For this package and ASE, without Ray or the run: a model folder, arrays and JSON, never pickle."""

import shutil
from pathlib import Path

from pareto_search.files import whole_folder
from pareto_search.potential.exports import Export, TrainedModel
from pareto_search.potential.model_files import MODEL_FILES


def _write(model: TrainedModel, path: Path) -> None:
    with whole_folder(path) as folder:
        for name in MODEL_FILES:
            shutil.copyfile(model.folder / name, folder / name)


EXPORT = Export(_write, how_to_read='pareto_search.load("{path}").calculator()')
