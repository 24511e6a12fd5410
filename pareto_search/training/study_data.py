"""What every network of a study is trained on; numpy arrays only, so that Ray's workers share one copy."""

from dataclasses import dataclass

import torch

from pareto_search.config import Architecture
from pareto_search.data.dataset import Dataset
from pareto_search.data.labels import Labels
from pareto_search.data.neighbors import NeighborTable
from pareto_search.data.references import ReferenceEnergies
from pareto_search.data.split import Split
from pareto_search.potential.loader import FrameLoader


@dataclass(frozen=True)
class StudyData:
    """Frames of a study, with their neighbours, split, reference energies and labels.

    Attributes:
        split: Which are trained on, validated on, tested on.
        references: Reference energy of each element.
        labels: The teachers' labels, once there are some.
        first_labels: Labels by the first of several teachers, where networks that it taught are compared.
        snapshots: Frames that the teacher made, with its labels, where students are trained on those first.
    """

    dataset: Dataset
    table: NeighborTable
    split: Split
    references: ReferenceEnergies
    labels: Labels | None = None
    first_labels: Labels | None = None
    snapshots: "StudyData | None" = None

    @property
    def dataset_hash(self) -> str:
        """SHA-256 of the dataset together with its split."""
        return self.split.hash_with(self.dataset)

    @property
    def nbytes(self) -> int:
        """Size of frames and neighbours in memory."""
        frames = (self.dataset.positions, self.dataset.forces, self.dataset.species)
        return int(self.table.nbytes + sum(array.nbytes for array in frames))

    def loader(
        self, architecture: Architecture, *, labels: Labels | None = None, device: torch.device | str
    ) -> FrameLoader:
        """Loads frames for a network of this architecture, with a teacher's labels or without.

        Args:
            architecture: The network.
            labels: Of the teacher.
            device: Of the tensors.
        """
        cutoff_ang = architecture.cutoff_ang
        return FrameLoader(
            self.dataset, self.table, self.references, cutoff_ang=cutoff_ang, labels=labels, device=device
        )
