"""One trial: measure the architecture's cost, train the student, train its matched controls."""

from collections.abc import Mapping
from typing import Any

from pareto_search.config import SearchSettings
from pareto_search.errors import TrainingDiverged
from pareto_search.networks.job import NetworkJob, control_of
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.objectives import LEARNED
from pareto_search.records import CostRecord, CurvePoint, ModelRecord
from pareto_search.search.messages import N_TRAINED_EPOCHS, Costs, Report
from pareto_search.search.space import to_architecture, to_training, to_weights


def student_job(search: SearchSettings, params: Mapping[str, Any]) -> NetworkJob:
    """The student of a trial; `params` hold the trial's number as `trial_number`."""
    return NetworkJob(
        stage="search",
        role="student",
        architecture=to_architecture(search.space, params),
        weights=to_weights(search.space, params),
        training=to_training(search.space, params, search.training),
        seed=search.network_seed,
        trial_id=int(params["trial_number"]),
        transfer=search.transfer,
    )


def costs_of(cost: CostRecord) -> Costs:
    """What a search needs of a cost."""
    return Costs(cost.values(), cost.key)


def measure_costs(shared: SharedStudy, params: Mapping[str, object]) -> Costs:
    """Costs of a trial's architecture, measured in this process where they are not known."""
    return costs_of(shared.cost(to_architecture(shared.config.search.space, params)))


def run_trial(shared: SharedStudy, params: dict[str, object], report: Report) -> dict[str, object]:
    """Train the student of a trial and its controls.

    Args:
        shared: The study.
        params: The sampler's choice, with `trial_number`.
        report: Called with all that may be an objective and the epoch every few epochs of the student, and at every
            rung after its checkpoint was written.

    Returns:
        The same of the finished student, the names of its networks and the epochs trained.

    Raises:
        TrainingDiverged: If the student diverged; its record is kept.
    """
    search = shared.config.search
    student = student_job(search, params)
    costs = shared.cost(student.architecture).values()

    def on_epoch(point: CurvePoint) -> None:
        if point.epoch % search.report_every_epochs == 0 or point.epoch in search.rungs:
            report({**costs, **_learned(point), "epoch": point.epoch})

    record = shared.train(student, on_epoch, search.rungs)
    if record.status != "complete":
        raise TrainingDiverged(record.n_epochs or 0)
    controls = [control_of(student, kind) for kind in search.controls]
    new = [not shared.is_finished(control) for control in controls]
    controls_trained = [shared.train(control) for control in controls]
    n_control_epochs = sum(c.n_epochs or 0 for c, is_new in zip(controls_trained, new, strict=True) if is_new)
    return {
        **costs,
        **_learned(record),
        "epoch": record.n_epochs,
        "model_ids": [record.model_id, *(control.model_id for control in controls_trained)],
        N_TRAINED_EPOCHS: (record.n_epochs or 0) + n_control_epochs,
    }


def _learned(of: CurvePoint | ModelRecord) -> dict[str, float | None]:
    """What may be an objective and is learned, after an epoch or at the end."""
    return {objective.column: getattr(of, objective.column) for objective in LEARNED}
