"""Seed-averaged networks in plain values, as reports speak of them; NaN marks what was not measured."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class DescribedNetwork:
    """A seed-averaged network.

    Attributes:
        label: Short name of its architecture.
        model_id: The seed with the lowest validation error.
        role: teacher, student or control.
        control_kind: Of a control.
        n_md_went_wrong: Seeds under which MD of the liquid went wrong.
        n_weights: Trained numbers; None for an external teacher.
        force_rmse_ev_per_ang: Mean over seeds.
        force_rmse_std_ev_per_ang: Sample standard deviation over seeds.
        energy_rmse_ev_per_atom: Mean over seeds.
        weight_energy: Loss weight of the energy.
        weight_atomic_energy: Of the teacher's atomic energies.
    """

    label: str
    model_id: str
    model_ids: tuple[str, ...]
    role: str
    control_kind: str | None
    n_seeds: int
    n_md_went_wrong: int
    n_weights: int | None
    force_rmse_ev_per_ang: float
    force_rmse_std_ev_per_ang: float
    energy_rmse_ev_per_atom: float
    md_us_per_atom_step: float
    max_atoms: int | None
    bytes_per_atom: float
    weight_energy: float
    weight_forces: float
    weight_atomic_energy: float


_COLUMNS = [field.name for field in fields(DescribedNetwork)]


@dataclass(frozen=True)
class ComparedNetwork(DescribedNetwork):
    """A network beside the teacher.

    Attributes:
        speedup: The teacher's step time over its own.
        memory_fraction: Its bytes per atom over the teacher's.
        force_rmse_vs_teacher_percent: How far its force RMSE is above the teacher's.
    """

    speedup: float
    memory_fraction: float
    force_rmse_vs_teacher_percent: float


def describe(row: pd.Series) -> DescribedNetwork:
    """A row of `average_networks`."""
    values = row.rename({"best_model_id": "model_id", "n": "n_seeds"})[_COLUMNS].to_dict()
    for name in ("n_seeds", "n_md_went_wrong", "n_weights", "max_atoms"):
        values[name] = int(values[name]) if np.isfinite(values[name]) else None
    return DescribedNetwork(**values | {"control_kind": values["control_kind"] or None})


def describe_beside(row: pd.Series, teacher: pd.Series) -> ComparedNetwork:
    """A row of `average_networks` beside the teacher's row."""
    error_ratio = _ratio(row["force_rmse_ev_per_ang"], teacher["force_rmse_ev_per_ang"])
    return ComparedNetwork(
        **vars(describe(row)),
        speedup=_ratio(teacher["md_us_per_atom_step"], row["md_us_per_atom_step"]),
        memory_fraction=_ratio(row["bytes_per_atom"], teacher["bytes_per_atom"]),
        force_rmse_vs_teacher_percent=100 * (error_ratio - 1),
    )


def describe_all(rows: pd.DataFrame, teacher: pd.Series | None) -> tuple[DescribedNetwork, ...]:
    """Students and controls in the order of their rows, beside the teacher where there is one."""
    found = (row for _, row in rows.iterrows())
    return tuple(describe(row) if teacher is None else describe_beside(row, teacher) for row in found)


def _ratio(numerator: float, denominator: float) -> float:
    """The quotient, or NaN where it has no meaning."""
    return numerator / denominator if denominator > 0 else float("nan")
