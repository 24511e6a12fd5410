"""The cost table: what each architecture costs on each device, measured once and shared by a user's runs."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pareto_search.config import Architecture
from pareto_search.config.families import parse_architecture
from pareto_search.errors import WriteError, reason_of
from pareto_search.files import by_age, write_atomic
from pareto_search.networks.device_gate import DeviceGate
from pareto_search.records import CostRecord

logger = logging.getLogger(__name__)

#: Records looked through for one of a similar network.
_N_SIMILAR = 50


@dataclass(frozen=True)
class CostTable:
    """Cost records by key, one file each, so that processes on several machines add to them without waiting.

    Attributes:
        folder: Of the run; made at the first `put`.
        shared: Folder of all of a user's runs: records in it are taken over when needed, and new ones added, but
            where that cannot be written, or compiling failed, they are only not shared. Omitted: the run keeps to
            itself.
    """

    folder: Path
    shared: Path | None = None

    def get(self, key: str) -> CostRecord | None:
        """The record with a key; None where there is none or it cannot be read, and it is measured anew."""
        own = _read(self.folder / f"{key}.json")
        if own is not None or self.shared is None:
            return own
        found = _read(self.shared / f"{key}.json")
        if found is not None:
            _write(self.folder, found)
        return found

    def all(self) -> list[CostRecord]:
        """Every record, in the order they came."""
        return [record for path in self._by_age() if (record := _read(path)) is not None]

    def similar_max_atoms(self, architecture: Architecture, engine: str, device: str) -> int | None:
        """Capacity of a late network with this cutoff in an engine in which it hardly depends on the rest.

        Args:
            architecture: The network.
            engine: The engine, whose memory is mostly neighbour list.
            device: Name of the device that it must have been measured on.
        """
        for path in self._by_age()[: -_N_SIMILAR - 1 : -1]:
            record = _read(path)
            if record is None or record.engine != engine or record.device != device:
                continue
            if record.cutoff_ang == architecture.cutoff_ang:
                return record.capacity.max_atoms
        return None

    def put(self, record: CostRecord) -> None:
        """Add or replace a record.

        Raises:
            WriteError: If it cannot be written.
        """
        _write(self.folder, record)
        if self.shared is not None and not record.is_fallback:
            try:
                _write(self.shared, record)
            except WriteError as error:
                logger.warning("a cost is not shared with other runs: %s", error)

    def export(self, path: Path) -> None:
        """Write all records as one JSON object, by key."""
        write_atomic(path, json.dumps({record.key: record.to_plain() for record in self.all()}, indent=1))

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
        text = "cost %s: %.2f µs/atom/step, %d atoms fit, on %s"
        logger.info(text, key, record.md.us_per_atom_step_median, record.capacity.max_atoms, record.device)
        return record

    def _by_age(self) -> list[Path]:
        return by_age(self.folder.glob("[!.]*.json"))


def _read(path: Path) -> CostRecord | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if "label" not in values:  # of an older version, which had HIPNN alone
            architecture = parse_architecture(values["architecture"])
            plain = architecture.model_dump(mode="json")
            values |= {"architecture": plain, "label": architecture.label, "cutoff_ang": architecture.cutoff_ang}
        return CostRecord.from_plain(values)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("the cost in %s cannot be read (%s) and is measured anew", path, reason_of(error))
        return None


def _write(folder: Path, record: CostRecord) -> None:
    write_atomic(folder / f"{record.key}.json", json.dumps(record.to_plain(), indent=1))
