"""Which student to take: the most accurate one under caps on step time and memory, relative to the teacher."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pareto_search.analysis.comparison import front_mask
from pareto_search.objectives import Objective

#: The claim of the paper's section 3: over 2x faster, under half the memory, at most 20 % more force error.
MIN_SPEEDUP = 2.0
MAX_MEMORY_FRACTION = 0.5
MAX_ERROR_PERCENT = 20.0
#: Simple caps, as fractions of the teacher's cost.
CAP_FRACTIONS = (0.5, 0.25, 0.1)
#: The most accurate come first, on the split by which nothing that is claimed was measured.
_RANKING = ["valid_force_rmse_ev_per_ang", "label"]
CAPPED_COLUMNS = ("md_us_per_atom_step", "bytes_per_atom")


def describe_network(row: pd.Series, teacher: pd.Series | None) -> dict[str, Any]:
    """Plain values of a seed-averaged network and, with a teacher, how it compares.

    Args:
        row: A row of `average_networks`.
        teacher: The teacher's row, or None.

    Returns:
        Label, ids, errors (eV/Å, eV/atom), costs and with how many seeds MD of the liquid went wrong; with a teacher
        also `speedup`, `memory_fraction` and `force_rmse_vs_teacher_percent`. NaN marks what was not measured.
    """
    plain = {
        "label": row["label"],
        "model_id": row["best_model_id"],
        "model_ids": list(row["model_ids"]),
        "role": row["role"],
        "control_kind": row["control_kind"] or None,
        "n_seeds": int(row["n"]),
        "n_md_went_wrong": int(row["n_md_went_wrong"]),
        "n_weights": _count(row["n_weights"]),
        "force_rmse_ev_per_ang": row["force_rmse_ev_per_ang"],
        "force_rmse_std_ev_per_ang": row["force_rmse_std_ev_per_ang"],
        "energy_rmse_ev_per_atom": row["energy_rmse_ev_per_atom"],
        "md_us_per_atom_step": row["md_us_per_atom_step"],
        "max_atoms": _count(row["max_atoms"]),
        "bytes_per_atom": row["bytes_per_atom"],
        "weight_energy": row["weight_energy"],
        "weight_forces": row["weight_forces"],
        "weight_atomic_energy": row["weight_atomic_energy"],
    }
    if teacher is None or row["role"] == "teacher":
        return plain
    return {
        **plain,
        "speedup": _ratio(teacher["md_us_per_atom_step"], row["md_us_per_atom_step"]),
        "memory_fraction": _ratio(row["bytes_per_atom"], teacher["bytes_per_atom"]),
        "force_rmse_vs_teacher_percent": 100
        * (_ratio(row["force_rmse_ev_per_ang"], teacher["force_rmse_ev_per_ang"]) - 1),
    }


def best_under(networks: pd.DataFrame, teacher: pd.Series | None, objectives: Sequence[Objective]) -> dict[str, Any]:
    """The students a user would take.

    Args:
        networks: As `average_networks` returns them.
        teacher: The teacher's row, or None: then there is nothing to compare with.
        objectives: What the study optimises.

    Returns:
        `paper`: the student that meets the most of the paper's three criteria (the most accurate among equals), with
        `criteria`, which of them it has `met`, `is_met_by_one` and how many students meet all; `caps`: for each
        cap, the most accurate student under it or None; `students`: those that no other student dominates, the most
        accurate first. Which is more accurate, validation tells.
    """
    students = networks[networks["role"] == "student"]
    return {
        "paper": _paper_claim(students, teacher),
        "caps": _under_caps(students, teacher),
        "students": _best_students(students, teacher, objectives),
    }


def _best_students(
    students: pd.DataFrame, teacher: pd.Series | None, objectives: Sequence[Objective]
) -> list[dict[str, Any]]:
    best = students[front_mask(students, objectives)].sort_values(_RANKING)
    return [describe_network(row, teacher) for _, row in best.iterrows()]


def _paper_claim(students: pd.DataFrame, teacher: pd.Series | None) -> dict[str, Any]:
    criteria = {
        "speedup_over": MIN_SPEEDUP,
        "memory_fraction_under": MAX_MEMORY_FRACTION,
        "force_rmse_at_most_percent_above_teacher": MAX_ERROR_PERCENT,
    }
    claim: dict[str, Any] = {"criteria": criteria, "met": None, "is_met_by_one": False, "n_meeting": 0, "network": None}
    if teacher is None or students.empty:
        return claim
    described = [describe_network(row, teacher) for _, row in students.sort_values(_RANKING).iterrows()]
    met = [_criteria_met(network) for network in described]
    best = max(range(len(met)), key=lambda i: sum(met[i].values()))  # the first of equals
    n_meeting = sum(all(m.values()) for m in met)
    return {**claim, "met": met[best], "is_met_by_one": n_meeting > 0, "n_meeting": n_meeting,
            "network": described[best]}  # fmt: skip


def _criteria_met(network: dict[str, Any]) -> dict[str, bool]:
    """Comparisons with NaN are False: what was not measured is not met."""
    return {
        "faster": bool(network["speedup"] > MIN_SPEEDUP),
        "smaller": bool(network["memory_fraction"] < MAX_MEMORY_FRACTION),
        "accurate": bool(network["force_rmse_vs_teacher_percent"] <= MAX_ERROR_PERCENT),
    }


def _under_caps(students: pd.DataFrame, teacher: pd.Series | None) -> list[dict[str, Any]]:
    if teacher is None:
        return []
    rows = []
    for column in CAPPED_COLUMNS:
        for fraction in CAP_FRACTIONS:
            cap = fraction * teacher[column]
            if not np.isfinite(cap):
                continue
            under = students[students[column] <= cap].sort_values(_RANKING)
            network = describe_network(under.iloc[0], teacher) if len(under) else None
            rows.append({"quantity": column, "fraction_of_teacher": fraction, "cap": cap, "network": network})
    return rows


def _count(value: float) -> int | None:
    return int(value) if np.isfinite(value) else None


def _ratio(numerator: float, denominator: float) -> float:
    """The quotient, or NaN where it has no meaning."""
    return numerator / denominator if denominator > 0 else float("nan")
