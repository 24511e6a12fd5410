"""The cost table: what each architecture costs on each device, measured once and shared by a user's runs."""

import fcntl
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from pareto_search.config import Architecture
from pareto_search.errors import StoreError, WriteError
from pareto_search.files import write_atomic
from pareto_search.records import CostRecord
from pareto_search.search.device_gate import DeviceGate

logger = logging.getLogger(__name__)


class SharedCosts:
    """Cost records of all runs of a user on machines that share a home, one file each.

    What cannot be read counts as unknown, and what cannot be written is not shared: it is a convenience.

    Args:
        folder: Where; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> CostRecord | None:
        """The record with a key, or None."""
        try:
            return CostRecord.from_plain(json.loads(self._path(key).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("shared cost %s cannot be read (%s) and is measured anew", self._path(key), error)
            return None

    def put(self, record: CostRecord) -> None:
        """Add or replace a record."""
        try:
            write_atomic(self._path(record.key), json.dumps(record.to_plain(), indent=1))
        except WriteError as error:
            logger.warning("a cost is not shared with other runs: %s", error)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


class CostTable:
    """Cost records by key, shared by all processes of a run through one JSON file.

    Args:
        path: The file; made at the first `put`.
        shared: Records of other runs, taken over when asked for and added to; omitted: the run keeps to itself.
    """

    def __init__(self, path: Path, shared: SharedCosts | None = None) -> None:
        self._path = path
        self._shared = shared

    def get(self, key: str) -> CostRecord | None:
        """The record with a key, or None.

        Raises:
            StoreError: If the file is damaged.
        """
        plain = self._read().get(key)
        if plain is not None:
            return self._record(plain)
        found = self._shared.get(key) if self._shared else None
        if found is not None:
            self._add(found)
        return found

    def all(self) -> list[CostRecord]:
        """Every record, in the order they came."""
        return [self._record(plain) for plain in self._read().values()]

    def of(self, architecture: Architecture) -> CostRecord | None:
        """The last record of an architecture in this run, on whatever device, or None."""
        wanted = architecture.model_dump(mode="json")
        found = (plain for plain in reversed(self._read().values()) if plain.get("architecture") == wanted)
        plain = next(found, None)
        return None if plain is None else self._record(plain)

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
        self._add(record)
        if self._shared:
            self._shared.put(record)

    def _add(self, record: CostRecord) -> None:
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
            state = self._path.stat()
            table = _parsed(self._path, state.st_mtime_ns, state.st_size)
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


@lru_cache(maxsize=2)
def _parsed(path: Path, mtime_ns: int, size: int) -> Any:
    """The content of a file in this state, not to be changed; it is asked for at every network."""
    return json.loads(path.read_text(encoding="utf-8"))
