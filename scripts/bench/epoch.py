"""A whole epoch (loading, batching, steps, validation) on ANI-Al-like data, against hippynn's own trainer."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from measuring import architecture, arguments, prepared, row
from peer import KERNELS, Trainer, quiet

from pareto_search.config import AniH5Source, LossWeights, SplitSettings, TrainingSettings
from pareto_search.data.labels import no_labels
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.data.references import fit_references
from pareto_search.data.sources import load_dataset
from pareto_search.data.split import draw_split
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.training.fit import Trainer as OurTrainer
from pareto_search.training.study_data import StudyData

from hippynn.custom_kernels import set_custom_kernels  # isort: skip  # after the package, which quietens its import

WEIGHTS = LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=100.0)


def aluminum_data(folder: Path, cutoff_ang: float, n_frames: int | None) -> StudyData:
    """The frames with their neighbours; the labels are zero, which changes no timing."""
    dataset = load_dataset(AniH5Source(source="ani-h5", path=folder, elements=("Al",), max_frames=n_frames))
    split = draw_split(dataset, SplitSettings(train=0.8, valid=0.1, test=0.1))
    labels = no_labels(dataset)
    table = build_neighbor_table(dataset, cutoff_ang)
    return StudyData(dataset, table, split, fit_references(dataset, split.train), labels)


def main() -> None:
    parser = arguments(__doc__, with_size=False)
    parser.add_argument("data", type=Path, help="folder of the .h5 files")
    parser.add_argument("--frames", type=int, help="use only so many frames")
    parser.add_argument("--peer-frames", type=int, default=200, help="train the peer on so many, scaled up by atoms")
    options = prepared(parser)
    shape, settings = architecture("24_10_2"), TrainingSettings(batch_size=16, max_epochs=10**6, compile="always")
    data = aluminum_data(options.data, shape.cutoff_ang, options.frames)
    potential = HipnnPotential(shape, data.references, seed=0)
    loader = data.loader(shape, labels=data.labels, device="cpu")
    ours = OurTrainer(potential, loader, data.split, WEIGHTS, settings, seed=0)

    # hippynn's trainer is timed on a part of the frames, chosen at random, for its whole epoch takes minutes.
    share = min(1.0, options.peer_frames / len(data.split.train))
    whole = {"train": data.split.train, "valid": data.split.valid}
    parts = {name: part[: max(int(share * len(part)), 1)] for name, part in whole.items()}
    scale = loader.n_atoms(data.split.train) / loader.n_atoms(parts["train"])
    with quiet():
        peer = Trainer(HipnnPotential(shape, data.references, seed=0), data, parts, WEIGHTS, settings)

    def seconds(call: Callable[[], object]) -> float:
        started = time.process_time()
        call()
        return time.process_time() - started

    found = {}
    for kernels in KERNELS:
        set_custom_kernels(kernels)
        peer.epochs(1)
        found[kernels] = seconds(lambda: peer.epochs(1))
    best = min(found, key=found.__getitem__)
    set_custom_kernels(best)
    ours.run_epoch()
    a, b = [], []
    for _ in range(options.repeats):
        a.append(seconds(ours.run_epoch))
        b.append(scale * seconds(lambda: peer.epochs(1)))
    note = (
        f"24/10/2, kernels {best}, batches of {settings.batch_size}, {len(data.split.train)} + {len(data.split.valid)} "
        f"frames; the peer's time on {len(parts['train'])} + {len(parts['valid'])} frames times {scale:.3f}"
    )
    print({k: round(v, 2) for k, v in found.items()}, statistics.median(a))
    row("epoch_ani_al_like", a, b, "s", note=note).save(options.json)


if __name__ == "__main__":
    main()
