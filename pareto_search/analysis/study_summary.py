"""The summary of a study: what `report.json` holds."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pareto_search.analysis.caps import best_under, describe_network
from pareto_search.analysis.comparison import (
    ControlComparison,
    HypervolumeComparison,
    best_control_errors,
    compare,
    front_mask,
    kinds_of_control,
)
from pareto_search.analysis.front import ReferencePoint, reference_point
from pareto_search.analysis.networks import (
    ARCHITECTURE_COLUMNS,
    Basis,
    average_networks,
    claim_basis,
    clean_models,
    complete,
)
from pareto_search.analysis.winners_curse import WinnersCurse, winners_curse
from pareto_search.objectives import Objective, objectives_named

#: The teacher counts as clearly more accurate when its force RMSE is this far below the median control's.
TEACHER_MARGIN_PERCENT = 10.0


@dataclass(frozen=True)
class StudySummary:
    """What a study found.

    Attributes:
        basis: Stage and split that carry the numbers.
        n_architectures: Student architectures of that stage.
        n_seeds: Seeds of its students and controls.
        comparisons: One per control kind, the headline's first; empty without controls.
        teacher: The teacher's errors and costs, and whether it is clearly more accurate than the controls; or None.
        best_under: See `caps.best_under`.
        front_networks: Students and controls that no other dominates, by rising step time.
        objectives: What the study optimises.
        reference: Reference point of the hypervolumes, in their order.
        status_counts: Networks by status, over all stages.
        winners_curse: How much the search's front flattered itself; None where nothing of it was retrained.
    """

    basis: Basis
    n_architectures: int
    n_seeds: int
    comparisons: tuple[ControlComparison, ...]
    teacher: dict[str, Any] | None
    best_under: dict[str, Any]
    front_networks: tuple[dict[str, Any], ...]
    objectives: tuple[Objective, ...]
    reference: ReferencePoint | None
    status_counts: dict[str, int]
    winners_curse: WinnersCurse | None

    @property
    def headline(self) -> ControlComparison | None:
        """The comparison that answers the study's question."""
        return self.comparisons[0] if self.comparisons else None

    def of_kind(self, control_kind: str) -> ControlComparison | None:
        """The comparison with one kind of control, if there is one."""
        return next((c for c in self.comparisons if c.control_kind == control_kind), None)

    @property
    def front(self) -> list[str]:
        """One model id per network of the front: the seed with the lowest validation error."""
        return [network["model_id"] for network in self.front_networks]

    def to_plain(self) -> dict[str, Any]:
        """The content of `report.json`: plain values, None for everything unknown."""
        headline = _plain_comparison(self.headline)
        plain = {
            "n_architectures": self.n_architectures,
            "n_seeds": self.n_seeds,
            **headline,
            "teacher": self.teacher,
            "best_under": self.best_under,
            "front": self.front,
            "front_networks": list(self.front_networks),
            "stage": self.basis.stage,
            "split": self.basis.split,
            "basis_reason": self.basis.reason,
            "by_control_kind": {c.control_kind: _plain_comparison(c) for c in self.comparisons},
            "objectives": [objective.column for objective in self.objectives],
            "hypervolume_reference": asdict(self.reference) if self.reference else None,
            "status_counts": self.status_counts,
            "winners_curse": asdict(self.winners_curse) if self.winners_curse else None,
        }
        strict: dict[str, Any] = _strict(plain)
        return strict


def summarize_study(
    models: pd.DataFrame,
    *,
    objectives: Sequence[Objective] = objectives_named(),
) -> StudySummary:
    """What a study found, from the rows of `models.csv`; never fails for lack of networks.

    Args:
        models: Rows of `models.csv`; only complete ones carry numbers.
        objectives: What the study optimises.
    """
    models = clean_models(models)
    basis = claim_basis(models)
    networks = average_networks(models, basis)
    reference = reference_point(networks, objectives, are_claims=True)
    teacher = teacher_row(networks)
    trained = networks[networks["role"] != "teacher"]
    students = trained[trained["role"] == "student"]
    kinds = kinds_of_control(networks)
    return StudySummary(
        basis=basis,
        n_architectures=len(students[list(ARCHITECTURE_COLUMNS)].drop_duplicates()),
        n_seeds=len({seed for seeds in trained["seeds"] for seed in seeds}),
        comparisons=tuple(compare(models, networks, basis, kind, objectives, reference) for kind in kinds),
        teacher=_describe_teacher(teacher, networks, models),
        best_under=best_under(networks, teacher, objectives),
        front_networks=_front(trained, teacher, objectives),
        objectives=tuple(objectives),
        reference=reference,
        status_counts={str(k): int(v) for k, v in models["status"].value_counts().sort_index().items()},
        winners_curse=winners_curse(models, objectives),
    )


def teacher_row(networks: pd.DataFrame) -> pd.Series | None:
    """The teacher among seed-averaged networks: of several, the one with the lowest validation error; or None."""
    teachers = networks[networks["role"] == "teacher"]
    if teachers.empty:
        return None
    return teachers.sort_values(["valid_force_rmse_ev_per_ang", "best_model_id"]).iloc[0]


def _describe_teacher(teacher: pd.Series | None, networks: pd.DataFrame, models: pd.DataFrame) -> dict[str, Any] | None:
    """Errors and costs of the teacher, and how far it is below the median architecture's best control."""
    if teacher is None:
        return None
    plain = describe_network(teacher, None)
    row = complete(models).set_index("model_id").loc[[teacher["best_model_id"]]].iloc[0]
    control_errors = best_control_errors(networks)
    percent_below = None
    if len(control_errors):
        percent_below = 100 * float(1 - teacher["force_rmse_ev_per_ang"] / float(np.median(control_errors)))
    is_clear = None if percent_below is None else percent_below >= TEACHER_MARGIN_PERCENT
    return {
        **plain,
        "split": teacher["split"],
        "test_force_rmse_ev_per_ang": row["test_force_rmse_ev_per_ang"],
        "test_energy_rmse_ev_per_atom": row["test_energy_rmse_ev_per_atom"],
        "valid_force_rmse_ev_per_ang": row["valid_force_rmse_ev_per_ang"],
        "valid_energy_rmse_ev_per_atom": row["valid_energy_rmse_ev_per_atom"],
        "engine": row["engine"] or None,
        "device": row["device"] or None,
        "percent_below_median_control": percent_below,
        "is_clearly_better_than_controls": is_clear,
        "is_external": not bool(np.isfinite(row["n_features"])),
        **_teachers_trained(complete(models)),
    }


def _teachers_trained(models: pd.DataFrame) -> dict[str, Any]:
    """How many teachers there are, of how many generations, and what their training took against that of the first."""
    teachers = models[models["role"] == "teacher"].sort_values(["generation", "seed"])
    seconds = teachers["train_s"].to_numpy(dtype=float)
    return {
        "n_teachers": len(teachers),
        "n_generations": max(1, int(teachers["generation"].nunique())),
        "teachers_train_s": float(seconds.sum()),
        "teachers_train_ratio": float(seconds.sum() / seconds[0]) if seconds[0] > 0 else None,
    }


def _front(
    networks: pd.DataFrame, teacher: pd.Series | None, objectives: Sequence[Objective]
) -> tuple[dict[str, Any], ...]:
    front = networks[front_mask(networks, objectives)]
    front = front.sort_values(["md_us_per_atom_step", "force_rmse_ev_per_ang", "best_model_id"])
    return tuple(describe_network(row, teacher) for _, row in front.iterrows())


def _plain_comparison(comparison: ControlComparison | None) -> dict[str, Any]:
    """The part of `report.json` about one kind of control."""
    if comparison is None:
        nothing = {"mean": None, "ci95": None, "n": 0, "p_value": None, "is_conclusive": False}
        return {
            "control_kind": None,
            "paired_force_rmse": nothing,
            "paired_energy_rmse": dict(nothing),
            "paired_rdf_error": dict(nothing),
            "hypervolume": asdict(HypervolumeComparison(None, None, None, None)),
            "dominance": {"n_controls_dominated": 0, "n_controls": 0, "n_students_dominated": 0, "n_students": 0},
        }
    return asdict(comparison)


def _strict(value: Any) -> Any:
    """The value in JSON types alone, with None for NaN and infinities."""
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
