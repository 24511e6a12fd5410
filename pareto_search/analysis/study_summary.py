"""The summary of a study: what `report.json` holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from pareto_search.analysis.caps import BestStudents, best_under
from pareto_search.analysis.comparison import (
    ControlComparison,
    Dominance,
    HypervolumeComparison,
    best_control_errors,
    compare,
    front_mask,
    kinds_of_control,
)
from pareto_search.analysis.described import DescribedNetwork, describe, describe_all
from pareto_search.analysis.front import ReferencePoint, reference_point
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis, Split, average_networks, claim_basis, complete
from pareto_search.analysis.winners_curse import WinnersCurse, winners_curse
from pareto_search.objectives import LEARNED, Objective, objectives_named

#: The teacher counts as clearly more accurate when its force RMSE is this far below the median control's.
TEACHER_MARGIN_PERCENT = 10.0


@dataclass(frozen=True)
class TeacherSummary(DescribedNetwork):
    """The teacher, the most accurate of several; errors are of one seed where they name their split.

    Attributes:
        split: Part of the data that its other errors are on.
        engine: That its step time was measured with, or the calculator of an external teacher.
        percent_below_median_control: How far its force RMSE is below the median architecture's best control.
        is_clearly_better_than_controls: Whether that is `TEACHER_MARGIN_PERCENT`; None without controls.
        is_external: Whether it is not a network of this package.
        n_teachers: Teachers of all generations.
        teachers_train_s: What the training of all took, seconds.
        teachers_train_ratio: The same over that of the first.
    """

    split: str
    test_force_rmse_ev_per_ang: float
    test_energy_rmse_ev_per_atom: float
    valid_force_rmse_ev_per_ang: float
    valid_energy_rmse_ev_per_atom: float
    engine: str | None
    device: str | None
    percent_below_median_control: float | None
    is_clearly_better_than_controls: bool | None
    is_external: bool
    n_teachers: int
    n_generations: int
    teachers_train_s: float
    teachers_train_ratio: float | None

    @property
    def made_the_data(self) -> bool:
        """Whether the energies and forces of the data are its own."""
        return self.is_external and self.force_rmse_ev_per_ang == 0


@dataclass(frozen=True)
class StudySummary:
    """What a study found.

    Attributes:
        basis: Stage and split that carry the numbers.
        n_architectures: Student architectures of that stage.
        n_seeds: Seeds of its students and controls.
        comparisons: One per control kind, the headline's first; empty without controls.
        teacher: The teacher; or None.
        best_under: The students a user would take.
        front_networks: Students and controls that no other dominates, by rising step time.
        reference: Reference point of the hypervolumes, in their order.
        status_counts: Networks by status, over all stages.
        winners_curse: How much too low the errors of the search's front are; None where nothing of it was retrained.
    """

    basis: Basis
    n_architectures: int
    n_seeds: int
    comparisons: tuple[ControlComparison, ...]
    teacher: TeacherSummary | None
    best_under: BestStudents
    front_networks: tuple[DescribedNetwork, ...]
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
        return [network.model_id for network in self.front_networks]

    def to_plain(self) -> dict[str, JsonValue]:
        """The content of `report.json`: plain values, None for everything unknown."""
        content = {
            "n_architectures": self.n_architectures,
            "n_seeds": self.n_seeds,
            **(vars(self.headline) if self.headline else _NO_COMPARISON),
            "teacher": self.teacher,
            "best_under": self.best_under,
            "front": self.front,
            "front_networks": self.front_networks,
            "stage": self.basis.stage,
            "split": self.basis.split,
            "basis_reason": self.basis.reason,
            "by_control_kind": {comparison.control_kind: comparison for comparison in self.comparisons},
            "objectives": [objective.column for objective in self.objectives],
            "hypervolume_reference": self.reference,
            "status_counts": self.status_counts,
            "winners_curse": self.winners_curse,
        }
        plain: dict[str, JsonValue] = to_jsonable_python(content, inf_nan_mode="null", fallback=np.generic.item)
        return plain


def summarize_study(models: pd.DataFrame, *, objectives: Sequence[Objective] = objectives_named()) -> StudySummary:
    """What a study found, from the rows of `models.csv`; never fails for lack of networks."""
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
        front_networks=describe_all(_front(trained, objectives), teacher),
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


def _describe_teacher(teacher: pd.Series | None, networks: pd.DataFrame, models: pd.DataFrame) -> TeacherSummary | None:
    if teacher is None:
        return None
    trained = complete(models)
    row = trained.set_index("model_id").loc[[teacher["best_model_id"]]].iloc[0]
    control_errors = best_control_errors(networks)
    percent_below = None
    if len(control_errors):
        percent_below = 100 * float(1 - teacher["force_rmse_ev_per_ang"] / float(np.median(control_errors)))
    teachers = trained[trained["role"] == "teacher"].sort_values(["generation", "seed"])
    seconds = teachers["train_s"].to_numpy(dtype=float)
    errors = [f"{split}_{objective.claim_column}" for split in get_args(Split) for objective in LEARNED]
    return TeacherSummary(
        **vars(describe(teacher)),
        split=teacher["split"],
        **{name: row[name] for name in errors},
        engine=row["engine"] or None,
        device=row["device"] or None,
        percent_below_median_control=percent_below,
        is_clearly_better_than_controls=None if percent_below is None else percent_below >= TEACHER_MARGIN_PERCENT,
        is_external=not row["architecture_key"],
        n_teachers=len(teachers),
        n_generations=max(1, int(teachers["generation"].nunique())),
        teachers_train_s=float(seconds.sum()),
        teachers_train_ratio=float(seconds.sum() / seconds[0]) if seconds[0] > 0 else None,
    )


def _front(networks: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    front = networks[front_mask(networks, objectives)]
    return front.sort_values(["md_us_per_atom_step", "force_rmse_ev_per_ang", "best_model_id"])


#: The part of `report.json` about a kind of control, where there is none.
_NOTHING = {"mean": None, "ci95": None, "n": 0, "p_value": None, "is_conclusive": False}
_NO_COMPARISON = {
    "control_kind": None,
    "paired_force_rmse": _NOTHING,
    "paired_energy_rmse": _NOTHING,
    "paired_rdf_error": _NOTHING,
    "hypervolume": HypervolumeComparison(None, None, None, None),
    "dominance": Dominance(0, 0, 0, 0),
}
