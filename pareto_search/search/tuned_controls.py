"""Tuned controls: networks without a teacher whose own loss weights were searched as hard as the students' were."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from pareto_search.config import ControlKind, LossWeights, SearchSettings
from pareto_search.networks.job import NetworkJob, control_of, control_with
from pareto_search.records import ModelRecord
from pareto_search.search.space import from_unit, to_weights

#: Kinds of control whose weights are tried first.
_FIRST_KINDS: tuple[ControlKind, ...] = ("ablation", "paper")


def tuning_jobs(
    students: Sequence[NetworkJob], search: SearchSettings, n_trials: int
) -> dict[NetworkJob, list[NetworkJob]]:
    """Controls to train for each student, of which the most accurate on validation becomes its tuned control.

    All together are at least as many as the search had trials, and each is trained to its end. The first two have the
    weights of the other kinds of control, so that a tuned one is never worse for want of luck; the others spread
    evenly (Sobol) over the ranges in which the search looked for the students' weights of energy and forces.

    Args:
        students: The chosen students.
        search: Space and training settings of the search.
        n_trials: Trials of the search that trained.
    """
    weights = _spread_weights(search, n_candidates(n_trials, len(students)) - 2)
    return {student: _candidates(student, weights, search) for student in students}


def n_candidates(n_trials: int, n_students: int) -> int:
    """Candidates for each student, so that all together are at least as many as the search's trials."""
    return max(2, math.ceil(n_trials / n_students))


def best_weights(
    candidates: Sequence[NetworkJob], record_of: Callable[[NetworkJob], ModelRecord | None]
) -> LossWeights:
    """Loss weights of the candidate with the lowest force RMSE on validation.

    Raises:
        ValueError: If none was trained to its end.
    """
    errors = {}
    for number, job in enumerate(candidates):
        record = record_of(job)
        if record is not None and record.status == "complete" and record.valid_force_rmse_ev_per_ang is not None:
            errors[number] = record.valid_force_rmse_ev_per_ang
    if not errors:
        raise ValueError("no candidate was trained to its end")
    return candidates[min(errors, key=errors.__getitem__)].weights


def _spread_weights(search: SearchSettings, n: int) -> list[LossWeights]:
    if n == 0:
        return []
    from scipy.stats import qmc

    cube = qmc.Sobol(len(search.space.searched), rng=search.seed).random_base2(math.ceil(math.log2(n)) if n > 1 else 0)
    points = [from_unit(search.space, np.asarray(row)) for row in cube[:n]]
    return [to_weights(search.space, point).without_teacher() for point in points]


def _candidates(student: NetworkJob, weights: Sequence[LossWeights], search: SearchSettings) -> list[NetworkJob]:
    first = [control_of(student, kind).weights for kind in _FIRST_KINDS]
    found = list(dict.fromkeys([*first, *weights]))
    control = control_with(student, "tuned", first[0])
    training = search.training.model_copy(
        update={"learning_rate": student.training.learning_rate, "batch_size": student.training.batch_size}
    )
    return [
        NetworkJob("search", "control", control.architecture, own, training, search.network_seed, "tuned")
        for own in found
    ]
