"""`dataset.json` of a run directory: which data the run uses, how they were split, and what they hold."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, JsonValue, PlainSerializer, PlainValidator, TypeAdapter

from pareto_search.data.references import ReferenceEnergies
from pareto_search.data.split import Split
from pareto_search.errors import DataError, reason_of
from pareto_search.files import write_atomic

_FORMAT = 1


@dataclass(frozen=True)
class DatasetInfo:
    """The record of a run's data.

    Attributes:
        split: Frame indices of the parts.
        split_hash: SHA-256 of dataset and split.
        references: Reference energies fitted on the training part.
        summary: `DatasetSummary.to_plain()`.
    """

    dataset_hash: str
    split_hash: str
    references: Annotated[
        ReferenceEnergies,
        PlainValidator(ReferenceEnergies.from_plain),
        PlainSerializer(ReferenceEnergies.to_plain),
        Field(alias="references_ev"),
    ]
    notes: Mapping[str, JsonValue]
    summary: dict[str, JsonValue]
    split: Split

    @property
    def periodic_directions(self) -> set[str]:
        """Which there are: frames periodic in `all`, `some`, `no` directions. Older files have some for no too."""
        found = self.summary.get("periodic_directions")
        if not isinstance(found, dict):
            return {"no" if self.summary["density_g_per_cm3"] is None else "all"}
        return {directions for directions, n_frames in found.items() if n_frames}

    @property
    def force_rms_ev_per_ang(self) -> float | None:
        """Root mean square of the force components; None in older files."""
        found = self.summary.get("force_component_ev_per_ang")
        rms = found.get("rms") if isinstance(found, dict) else None
        return float(rms) if isinstance(rms, int | float) else None

    def to_plain(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"format": _FORMAT, **_DATASET_INFO.dump_python(self, mode="json", by_alias=True, warnings=False)}


_DATASET_INFO = TypeAdapter(DatasetInfo)


def write_dataset_info(path: Path, info: DatasetInfo) -> None:
    """Write the record; a reader sees the old file or the whole new one."""
    write_atomic(path, (json.dumps(info.to_plain(), indent=1, allow_nan=False) + "\n").encode())


def read_dataset_info(path: Path) -> DatasetInfo:
    """The record of a run directory.

    Raises:
        DataError: If the file is missing, damaged or of another version.
    """
    if not path.is_file():
        raise DataError(f"{path} is not there; a run writes it when it has read the data")
    remedy = "delete it and run the same command again, which writes it anew from the data"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != _FORMAT:
            raise DataError(
                f"{path} has format {values['format']}, this version reads {_FORMAT}; use the version that wrote it"
            )
        return _DATASET_INFO.validate_python(values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise DataError(f"{path} cannot be read as a run's dataset.json ({reason_of(error)}); {remedy}") from error
