"""What every network of a study is trained on; numpy arrays only, so that Ray's workers share one copy."""

from dataclasses import dataclass

import torch

from pareto_search.config import Architecture
from pareto_search.data.dataset import Dataset
from pareto_search.data.neighbors import NeighborTable
from pareto_search.data.references import ReferenceEnergies
from pareto_search.data.split import Split
from pareto_search.potential.loader import FrameLoader
from pareto_search.training.labels import Labels


@dataclass(frozen=True)
class StudyData:
    """Frames, neighbours, split, reference energies and, once there is a teacher, its labels."""

    dataset: Dataset
    table: NeighborTable
    split: Split
    references: ReferenceEnergies
    labels: Labels | None = None

    @property
    def dataset_hash(self) -> str:
        """SHA-256 of the dataset together with its split."""
        return self.split.hash_with(self.dataset)

    @property
    def nbytes(self) -> int:
        """Size of frames and neighbours in memory."""
        frames = (self.dataset.positions, self.dataset.forces, self.dataset.species)
        return int(self.table.nbytes + sum(array.nbytes for array in frames))

    def loader(self, architecture: Architecture, *, with_labels: bool, device: torch.device | str) -> FrameLoader:
        """Loads frames for a network of this architecture, with the teacher's labels or without."""
        labels = self.labels if with_labels else None
        return FrameLoader(
            self.dataset,
            self.table,
            self.references,
            cutoff_ang=architecture.dist_hard_max_ang,
            atomic_energy=None if labels is None else labels.atomic_energy_ev,
            device=device,
        )
