"""The peer: hippynn as shipped, on the same modules, data and loss as this package's networks."""

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pareto_search.config import LossWeights, TrainingSettings
from pareto_search.data.dataset import Dataset
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.training.study_data import StudyData

import hippynn  # isort: skip  # after the package, which quietens its import
from hippynn.custom_kernels import set_custom_kernels
from hippynn.databases import Database
from hippynn.experiment import SetupParams, assemble_for_training, setup_training, train_model
from hippynn.experiment.assembly import precompute_pairs
from hippynn.experiment.controllers import PatienceController, RaiseBatchSizeOnPlateau
from hippynn.graphs import loss as losses

#: Its settings for a CPU. Two more were tried by hand and left out: `sparse` refuses cells smaller than twice the
#: cutoff and took 7 times as long in MD, `numba` (if it is installed) 1.5 to 2 times as long in training and MD.
KERNELS = ("pytorch", "_pytorch_raw", "_pytorch_jit")


def fastest(seconds: Callable[[], float]) -> str:
    """The kernel setting in which a measurement is shortest; it stays set."""
    found: dict[str, float] = {}
    for setting in KERNELS:
        with quiet():
            set_custom_kernels(setting)
            found[setting] = seconds()
    best = min(found, key=found.__getitem__)
    set_custom_kernels(best)
    print("hippynn kernels:", ", ".join(f"{name} {value:.3g} s" for name, value in found.items()), flush=True)
    return best


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without hippynn's output; its files go to a folder that is deleted."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        finally:
            os.chdir(here)


def arrays(data: StudyData, systems: np.ndarray) -> dict[str, np.ndarray]:
    """Frames as hippynn's padded arrays; energies keep their reference energies, as its E0 term needs."""
    dataset: Dataset = data.dataset
    n_max = int(dataset.n_atoms_per_system[systems].max())
    assert data.labels is not None
    labels = data.labels.atomic_energy_ev + data.references.of_atoms(dataset.species)
    found = {
        "Z": np.zeros((len(systems), n_max), dtype=np.int64),
        "R": np.zeros((len(systems), n_max, 3), dtype=np.float32),
        "F": np.zeros((len(systems), n_max, 3), dtype=np.float32),
        "A": np.zeros((len(systems), n_max, 1), dtype=np.float32),
        "C": dataset.cell[systems].astype(np.float32),
        "E": dataset.energy[systems].astype(np.float32)[:, None],
    }
    for row, system in enumerate(systems):
        atoms = dataset.atoms_of(int(system))
        n = atoms.stop - atoms.start
        found["Z"][row, :n] = dataset.species[atoms]
        found["R"][row, :n] = dataset.positions[atoms]
        found["F"][row, :n] = dataset.forces[atoms]
        found["A"][row, :n, 0] = labels[atoms]
    return found


def database(data: StudyData, parts: dict[str, np.ndarray], info: dict[str, list[str]]) -> Database:
    """A hippynn database of the given parts (train, valid)."""
    systems = np.concatenate(list(parts.values()))
    stored = {name: torch.from_numpy(values) for name, values in arrays(data, systems).items()}
    stored["indices"] = torch.arange(len(systems))
    made = Database(stored, seed=0, num_workers=0, pin_memory=False, quiet=True, allow_unfound=True, **info)
    start = 0
    for name, part in parts.items():
        made.make_explicit_split(name, torch.arange(start, start + len(part)))
        start += len(part)
    return made


def train_losses(potential: HipnnPotential, weights: LossWeights, settings: TrainingSettings) -> Any:
    """The paper's loss in hippynn's nodes, and what hippynn reports on validation."""
    energy, force = potential.hippynn_nodes(periodic=True)
    energy.atom_energies.db_name = "A"

    def error(node: Any) -> Any:
        return losses.MSELoss.of_node(node) ** (1 / 2) + losses.MAELoss.of_node(node)

    total = (
        weights.weight_energy * error(energy)
        + weights.weight_forces * error(force)
        + weights.weight_atomic_energy * error(energy.atom_energies)
        + settings.weight_hierarchicality * losses.Mean.of_node(energy.hierarchicality)
        + settings.weight_l2 * losses.l2reg(energy.parents[0])
    )
    reported = {"force RMSE": losses.MSELoss.of_node(force) ** (1 / 2), "Loss": total}
    return total, reported


class Trainer:
    """hippynn's own training of a network, with its pairs precomputed."""

    def __init__(
        self,
        potential: HipnnPotential,
        data: StudyData,
        parts: dict[str, np.ndarray],
        weights: LossWeights,
        settings: TrainingSettings,
    ) -> None:
        self.settings = settings
        total, reported = train_losses(potential, weights, settings)
        with quiet():
            modules, info = assemble_for_training(total, reported)
            self.database = database(data, parts, info)
            precompute_pairs(modules.model, self.database, batch_size=settings.batch_size, n_images=4)
            self.modules, info = assemble_for_training(total, reported)
            self.database.inputs = info["inputs"]
        self.optimizer = torch.optim.Adam(self.modules.model.parameters(), lr=settings.learning_rate)

    def one_step(self) -> Callable[[], None]:
        """A training step on the first batch."""
        generator = self.database.make_generator("train", "eval", batch_size=self.settings.batch_size)
        batch = next(iter(generator))
        n_inputs, n_targets = len(self.database.inputs), len(self.database.targets)
        inputs, targets = batch[:n_inputs], batch[-n_targets:]
        model, loss = self.modules.model.train(), self.modules.loss

        def step() -> None:
            self.optimizer.zero_grad()
            loss(*model(*inputs), *targets)[0].backward()
            self.optimizer.step()

        return step

    def epochs(self, n_epochs: int) -> None:
        """Train and validate for some epochs, as hippynn's `train_model` does."""
        scheduler = RaiseBatchSizeOnPlateau(self.optimizer, max_batch_size=self.settings.batch_size, patience=30)
        controller = PatienceController(
            optimizer=self.optimizer,
            scheduler=scheduler,
            batch_size=self.settings.batch_size,
            eval_batch_size=self.settings.batch_size,
            max_epochs=n_epochs,
            stopping_key="Loss",
            termination_patience=50,
            fraction_train_eval=0.0,
        )
        with quiet():
            modules, controller, metrics = setup_training(self.modules, SetupParams(controller=controller))
            train_model(
                modules, self.database, controller, metrics, callbacks=None, batch_callbacks=None, store_best=False,
                store_all_better=False, store_every=0, quiet=True,
            )  # fmt: skip


hippynn.settings.WARN_LOW_DISTANCES = False
