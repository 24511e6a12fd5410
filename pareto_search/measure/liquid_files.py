"""Files of the liquid in a run directory: the teacher's start, and what MD by each network gave."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from ase import Atoms

from pareto_search.config import LiquidSettings
from pareto_search.errors import DataError
from pareto_search.files import read_arrays, write_arrays, write_atomic
from pareto_search.measure.liquid import LiquidRun
from pareto_search.measure.rdf import Rdf, rdf_difference
from pareto_search.records import LIQUID_COLUMNS, RDF_COLUMNS

#: Of the files and of the protocol: files of another one are made anew.
_FORMAT = 1


@dataclass(frozen=True)
class LiquidResult:
    """What MD of the liquid by one network gave, and what it belongs to.

    Attributes:
        role: teacher, student or control.
        protocol: Hash of settings, crystal and teacher; results with the same can be compared.
        weights: Hash of the network's weights.
    """

    model_id: str
    role: str
    protocol: str
    weights: str
    run: LiquidRun

    def to_json(self) -> str:
        """The content of its file."""
        run = {name: value for name, value in vars(self.run).items() if name != "rdf"}
        rdf = None
        if self.run.rdf is not None:
            rdf = {"edges_ang": self.run.rdf.edges_ang.tolist(), "blocks": self.run.rdf.blocks.tolist()}
        names = {name: value for name, value in vars(self).items() if name != "run"}
        return json.dumps({"format": _FORMAT, **names, "run": run, "rdf": rdf})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: If it is something else.
        """
        plain = json.loads(text)
        if plain.pop("format") != _FORMAT:
            raise ValueError("it is of another version")
        rdf, run = plain.pop("rdf"), LiquidRun(**plain.pop("run"))
        if rdf is not None:
            run = replace(run, rdf=Rdf(np.array(rdf["edges_ang"]), np.array(rdf["blocks"])))
        return cls(run=run, **plain)


@dataclass(frozen=True)
class LiquidFolder:
    """The folder; a damaged file in it counts as missing, because it can be made anew."""

    path: Path

    def write(self, result: LiquidResult) -> None:
        """Keep a result."""
        write_atomic(self.path / f"{result.model_id}.json", result.to_json())

    def read(self, model_id: str) -> LiquidResult | None:
        """A network's result, or None."""
        try:
            return LiquidResult.from_json((self.path / f"{model_id}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def all(self) -> list[LiquidResult]:
        """The teacher's result, and those that can be compared with it, by name; empty without a teacher's."""
        names = [path.stem for path in sorted(self.path.glob("[!.]*.json"))]
        results = [result for result in map(self.read, names) if result is not None]
        teachers = [result for result in results if result.role == "teacher"]
        newest = max(teachers, key=lambda t: (self.path / f"{t.model_id}.json").stat().st_mtime_ns, default=None)
        if newest is None:
            return []
        others = [r for r in results if r.role != "teacher" and r.protocol == newest.protocol]
        return [newest, *others]

    def write_start(self, atoms: Atoms, protocol: str) -> None:
        """Keep where all networks start."""
        write_arrays(
            self.path / "start.npz",
            numbers=atoms.numbers,
            positions_ang=atoms.positions,
            velocities=atoms.get_velocities(),
            cell_ang=atoms.cell.array,
            protocol=protocol,
        )

    def read_start(self, protocol: str) -> Atoms | None:
        """Where all networks start under a protocol, or None."""
        try:
            arrays = read_arrays(self.path / "start.npz", remedy="it is made anew")
            if str(arrays["protocol"]) != protocol:
                return None
            atoms = Atoms(
                numbers=arrays["numbers"], positions=arrays["positions_ang"], cell=arrays["cell_ang"], pbc=True
            )
            atoms.set_velocities(arrays["velocities"])
        except (DataError, KeyError, ValueError):
            return None
        return atoms


def protocol_hash(settings: LiquidSettings, crystal: Atoms, teacher_weights: str) -> str:
    """Hash of all that results have in common.

    Args:
        settings: Of the liquid.
        crystal: From `liquid_crystal`.
        teacher_weights: Hash of the teacher's weights.
    """
    shape = [np.round(array, 6).tolist() for array in (crystal.positions, crystal.cell.array)]
    content = [_FORMAT, settings.model_dump(mode="json"), crystal.numbers.tolist(), shape, teacher_weights]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def liquid_columns(result: LiquidResult | None, teacher: LiquidResult | None) -> dict[str, float | None]:
    """`LIQUID_COLUMNS` of a network; a teacher is not compared with itself."""
    columns: dict[str, float | None] = dict.fromkeys(LIQUID_COLUMNS)
    if result is None:
        return columns
    columns["nve_drift_ev_per_atom_ps"] = result.run.nve_drift_ev_per_atom_ps
    columns["md_stable_ps"], columns["md_asked_ps"] = result.run.stable_ps, result.run.asked_ps
    reference = teacher.run.rdf if teacher is not None else None
    if result.role != "teacher" and result.run.rdf is not None and reference is not None:
        found = asdict(rdf_difference(result.run.rdf, reference))
        names = {"rdf_error": "error_ang", "rdf_error_std": "std_ang", "rdf_noise": "noise_ang"}
        columns |= {column: found[name] for column, name in names.items()}
    return columns


def rdf_table(results: list[LiquidResult]) -> pd.DataFrame:
    """g(r) of networks with its standard error, a row for each bin: RDF_COLUMNS."""
    frames = [
        pd.DataFrame({"model_id": r.model_id, "r_ang": r.run.rdf.r_ang, "g": r.run.rdf.g, "g_std": r.run.rdf.g_std})
        for r in results
        if r.run.rdf is not None
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(RDF_COLUMNS))
