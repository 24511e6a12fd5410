"""A training step on 256 atoms with about 106 neighbours each: this package compiled, against hippynn."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from ase.build import bulk
from ase.calculators.emt import EMT
from limits import limit_s
from measuring import architecture, arguments, paired, prepared, row
from peer import Trainer, fastest

from pareto_search.config import LossWeights, SplitSettings, TrainingSettings
from pareto_search.data.dataset import from_frames
from pareto_search.data.labels import Labels
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.references import fit_references
from pareto_search.data.split import draw_split
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.training.step import Steps
from pareto_search.training.study_data import StudyData

WEIGHTS = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0)
SETTINGS = TrainingSettings(batch_size=4)


def crystal_data(n_frames: int = 20) -> StudyData:
    """Frames of 64 atoms of rattled aluminium with EMT labels."""
    frames = []
    for seed in range(n_frames):
        atoms = bulk("Al", a=4.05, cubic=True).repeat((2, 2, 4))
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        frames.append(atoms)
    dataset = from_frames(frames, ["crystal"] * n_frames, {})
    split = draw_split(dataset, SplitSettings(train=0.6, valid=0.2, test=0.2))
    energies = np.random.default_rng(0).normal(0.0, 0.1, dataset.n_atoms)
    labels = Labels(energies, 0.0 * dataset.forces, np.ones(dataset.n_atoms), "none", "none")
    return StudyData(dataset, build_neighbor_table(dataset, 7.5), split, fit_references(dataset, split.train), labels)


def our_step(potential: HipnnPotential, data: StudyData, systems: np.ndarray) -> Callable[[], object]:
    """A training step of this package on some frames."""
    steps = Steps(potential, SETTINGS, is_compiled=True)
    loader = data.loader(potential.architecture, labels=data.labels, device="cpu")
    batch, targets = loader.load(systems)
    loss_weights = steps.loss_weights(WEIGHTS)
    trainable = [p for p in potential.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trainable, lr=SETTINGS.learning_rate, fused=True)

    def step() -> None:
        steps.train(batch, targets, loss_weights)
        optimizer.step()

    return step


def main() -> None:
    options = prepared(arguments(__doc__))
    data, shape = crystal_data(), architecture(options.size)
    systems = data.split.train[:4]
    ours = our_step(HipnnPotential(shape, data.references, seed=0), data, systems)

    def peer_step() -> Callable[[], None]:
        parts = {"train": systems, "valid": systems}
        return Trainer(HipnnPotential(shape, data.references, seed=0), data, parts, WEIGHTS, SETTINGS).one_step()

    def peer_seconds() -> float:
        step = peer_step()
        step()
        times = []
        for _ in range(5):
            started = time.process_time()
            step()
            times.append(time.process_time() - started)
        return statistics.median(times)

    kernels = fastest(peer_seconds)
    a, b = paired(ours, peer_step(), repeats=options.repeats)
    n_pairs = data.loader(shape, labels=data.labels, device="cpu").n_pairs(systems)
    note = f"kernels {kernels}, {n_pairs / 256:.0f} neighbours"
    seconds, how = limit_s(shape, "train", n_atoms=256, n_pairs=n_pairs)
    ours_ms, peer_ms = ([1e3 * value for value in values] for values in (a, b))
    found = row(f"train_step_{options.size}", ours_ms, peer_ms, "ms", note=note, limit=(1e3 * seconds, how))
    found.save(options.json)


if __name__ == "__main__":
    main()
