"""The cost table: what each architecture costs on each device, measured once and kept in `costs.json`."""

import fcntl
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pareto_search.config import Architecture
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic
from pareto_search.records import CostRecord
from pareto_search.search.device_gate import DeviceGate

logger = logging.getLogger(__name__)


class CostTable:
    """Cost records by key, shared by all processes of a run through one JSON file.

    Args:
        path: The file; made at the first `put`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> CostRecord | None:
        """The record with a key, or None.

        Raises:
            StoreError: If the file is damaged.
        """
        plain = self._read().get(key)
        return None if plain is None else self._record(plain)

    def all(self) -> list[CostRecord]:
        """Every record, in the order they came."""
        return [self._record(plain) for plain in self._read().values()]

    def similar_max_atoms(self, architecture: Architecture, device: str) -> int | None:
        """Capacity of the last network with this cutoff in the explicit engine, which hardly depends on the rest.

        Args:
            architecture: The network.
            device: Name of the device that it must have been measured on.
        """
        cutoff_ang = architecture.dist_hard_max_ang
        for record in reversed(self.all()):
            is_similar = record.engine == "explicit" and record.architecture["dist_hard_max_ang"] == cutoff_ang
            if is_similar and record.device == device:
                return record.capacity.max_atoms
        return None

    def put(self, record: CostRecord) -> None:
        """Add or replace a record; processes that put at the same time lose nothing."""
        with self._locked():
            write_atomic(self._path, json.dumps({**self._read(), record.key: record.to_plain()}, indent=1))

    def get_or_measure(self, key: str, measure: Callable[[], CostRecord], gate: DeviceGate) -> CostRecord:
        """The record with a key, measured if it is not there, with the device to itself.

        Of several processes that miss the same key one measures; the others wait and read its result.

        Args:
            key: Identifies architecture, device and everything else that changes the cost.
            measure: Takes the measurement; its record carries the key.
            gate: The device's gate, which this process must not be inside of.

        Raises:
            ValueError: If the measured record carries another key: it would never be found again.
        """
        known = self.get(key)
        if known is not None:
            return known
        with gate.measuring():
            known = self.get(key)  # another process may have measured it while this one waited
            if known is not None:
                return known
            record = measure()
            if record.key != key:
                raise ValueError(f"asked for the cost with key {key}, measured one with key {record.key}")
            self.put(record)
        logger.info(
            "cost %s: %.2f µs/atom/step, %d atoms fit, on %s",
            key,
            record.md.us_per_atom_step_median,
            record.capacity.max_atoms,
            record.device,
        )
        return record

    def _read(self) -> dict[str, Any]:
        try:
            table = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        if not isinstance(table, dict):
            raise self._damaged("not a table of records")
        return table

    def _record(self, plain: Any) -> CostRecord:
        try:
            return CostRecord.from_plain(plain)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(error) from error

    def _damaged(self, why: object) -> StoreError:
        return StoreError(
            f"{self._path} is damaged ({why}); delete it and run the same command again: costs are measured anew"
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._path.with_name(f".{self._path.name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
