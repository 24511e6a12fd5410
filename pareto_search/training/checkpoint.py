"""Checkpoints of a half-trained network: written atomically, read without pickle.

On a CPU training goes on bit for bit; on a GPU `index_add` sums in no fixed order, so it does to rounding alone.
"""

import io
import logging
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from pareto_search.files import write_atomic
from pareto_search.records import CurvePoint
from pareto_search.training.schedule import Plateau

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """Everything the next epoch depends on.

    Attributes:
        epoch: Last finished epoch.
        weights: Network tensors by name.
        best_weights: The same at the best epoch.
        plateau: Progress of the validation loss.
        train_s: Seconds of training so far.
    """

    epoch: int
    weights: dict[str, Tensor]
    best_weights: dict[str, Tensor]
    optimizer: dict[str, object]
    plateau: Plateau
    curve: tuple[CurvePoint, ...]
    train_s: float

    def save(self, path: Path) -> None:
        """Write it in one step.

        Raises:
            WriteError: If the disk is full or read-only.
        """
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain |= {"plateau": asdict(self.plateau), "curve": [asdict(point) for point in self.curve]}
        content = io.BytesIO()
        torch.save(plain, content)
        write_atomic(path, content.getvalue())


def read_checkpoint(path: Path, device: torch.device) -> Checkpoint | None:
    """The checkpoint in a file; None if there is none or it is damaged, in which case training starts again."""
    if not path.is_file():
        return None
    try:
        plain = torch.load(path, map_location=device, weights_only=True)
        curve = tuple(CurvePoint(**point) for point in plain.pop("curve"))
        return Checkpoint(**(plain | {"plateau": Plateau(**plain["plateau"]), "curve": curve}))
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError) as error:
        logger.warning("checkpoint %s cannot be read (%s); the network is trained from the start", path, error)
        return None
