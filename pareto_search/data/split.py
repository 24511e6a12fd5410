"""The split into training, validation and test frames, drawn once from a seed and shared by every network."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer, PlainValidator

from pareto_search.config import SplitSettings
from pareto_search.data.dataset import Dataset
from pareto_search.errors import DataError

PartName = Literal["train", "valid", "test"]
PARTS: tuple[PartName, ...] = ("train", "valid", "test")


#: Numbers of frames, a list in JSON.
Indices = Annotated[
    NDArray[np.int64],
    PlainValidator(lambda numbers: np.array(numbers, dtype=np.int64)),
    PlainSerializer(lambda numbers: numbers.tolist()),
]


@dataclass(frozen=True)
class Split:
    """Frame indices of the three parts, each in random order, without overlap.

    Attributes:
        train: Shape (n_train,).
        valid: Shape (n_valid,).
        test: Shape (n_test,).
        kind: How it was drawn, "random" or "source".
    """

    train: Indices
    valid: Indices
    test: Indices
    kind: str
    seed: int

    def part(self, name: PartName) -> NDArray[np.int64]:
        """Frame indices of one part."""
        return {"train": self.train, "valid": self.valid, "test": self.test}[name]

    def hash_with(self, dataset: Dataset) -> str:
        """SHA-256 of the dataset's hash and the indices of the three parts."""
        digest = hashlib.sha256(dataset.sha256.encode())
        for name in PARTS:
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.part(name), dtype=np.int64).tobytes())
        return digest.hexdigest()


def draw_split(dataset: Dataset, settings: SplitSettings) -> Split:
    """Share out all frames between the parts, in the wanted proportions as nearly as possible.

    `random` permutes frames. `source` keeps the frames of one origin together: origins in random order go to test
    and then to validation while that brings the part nearer to its size, and the rest is for training.

    Raises:
        DataError: If a part would be empty.
    """
    rng = np.random.default_rng(settings.seed)
    draw = {"random": _by_frame, "source": _by_source}[settings.kind]
    parts = draw(dataset, settings, rng)
    return Split(**parts, kind=settings.kind, seed=settings.seed)


def _by_frame(dataset: Dataset, settings: SplitSettings, rng: np.random.Generator) -> dict[PartName, NDArray[np.int64]]:
    n = dataset.n_systems
    order = rng.permutation(n)
    n_test, n_valid = round(n * settings.test), round(n * settings.valid)
    n_train = n - n_test - n_valid
    if min(n_train, n_valid, n_test) < 1:
        raise DataError(
            f"split: {n} frames give {n_train} for training, {n_valid} for validation and {n_test} for testing, but "
            "every part needs at least one; use more frames (data.max_frames) or change split.train, valid and test"
        )
    return {"train": order[:n_train], "valid": order[n_train : n_train + n_valid], "test": order[n_train + n_valid :]}


def _by_source(
    dataset: Dataset, settings: SplitSettings, rng: np.random.Generator
) -> dict[PartName, NDArray[np.int64]]:
    sizes = Counter(dataset.origin)
    if len(sizes) < len(PARTS):
        raise DataError(
            f"split.kind: source needs at least {len(PARTS)} sources, but the {dataset.n_systems} frames have "
            f"{len(sizes)} ({', '.join(sorted(sizes))}); label frames with info['source'] or use split.kind: random"
        )
    names = sorted(sizes)
    rest = [names[i] for i in rng.permutation(len(names))]
    test = _fill(rest, sizes, settings.test * dataset.n_systems, n_spare=2)
    rest = [name for name in rest if name not in test]
    valid = _fill(rest, sizes, settings.valid * dataset.n_systems, n_spare=1)
    train = [name for name in rest if name not in valid]
    return {
        "train": _shuffled_frames(dataset, train, rng),
        "valid": _shuffled_frames(dataset, valid, rng),
        "test": _shuffled_frames(dataset, test, rng),
    }


def _fill(names: list[str], sizes: Counter[str], target: float, n_spare: int) -> list[str]:
    """Names taken in order while that brings the number of frames nearer to the target; at least the smallest.

    `n_spare` names at least are left for other parts.
    """
    taken: list[str] = []
    n_frames = 0
    for name in names:
        is_nearer = abs(n_frames + sizes[name] - target) < abs(n_frames - target)
        if is_nearer and len(taken) < len(names) - n_spare:
            taken.append(name)
            n_frames += sizes[name]
    return taken or [min(names, key=lambda name: sizes[name])]


def _shuffled_frames(dataset: Dataset, names: list[str], rng: np.random.Generator) -> NDArray[np.int64]:
    wanted = set(names)
    systems = [system for system, origin in enumerate(dataset.origin) if origin in wanted]
    return rng.permutation(np.array(systems, dtype=np.int64))
