"""One trial: measure the architecture's cost, train the student, train its matched controls."""

import os
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from pareto_search.config import Architecture, ExternalTeacher, SearchSettings, StudyConfig
from pareto_search.errors import TrainingDiverged
from pareto_search.files import user_cache
from pareto_search.measure.cost import cost_key, measure_cost
from pareto_search.measure.device import device_name
from pareto_search.potential.hipnn import engine_for
from pareto_search.potential.process import prepare_torch
from pareto_search.records import CostRecord, CurvePoint, ModelRecord
from pareto_search.run_directory import RunDirectory
from pareto_search.search.costs import CostTable
from pareto_search.search.device_gate import DeviceGate
from pareto_search.search.network import Workplace, is_finished, train_network
from pareto_search.search.network_job import NetworkJob, control_of
from pareto_search.search.results import N_TRAINED_EPOCHS, Costs, Report
from pareto_search.search.space import to_architecture, to_training, to_weights
from pareto_search.training.study_data import StudyData


@dataclass(frozen=True)
class Workshop:
    """Everything a worker needs; sent to the workers once.

    Attributes:
        config: The study.
        directory: Its run directory, at the same path on every node.
        data: Frames, neighbours, split, references and labels.
        unit: Unit cell of the timed supercells.
        origin_dir: Folder of the teacher that students take weights over from: the first of the last generation.
    """

    config: StudyConfig
    directory: RunDirectory
    data: StudyData
    unit: Atoms
    origin_dir: Path | None = None

    def gate(self) -> DeviceGate:
        """The gate of this host's device: while a cost is measured, nothing of this user trains."""
        return DeviceGate(Path(tempfile.gettempdir()) / f"pareto_search-gates-{os.getuid()}", self.config.device)

    def workplace(self) -> Workplace:
        """Where networks are trained and kept."""
        return Workplace(
            teacher_dir=self.directory.teacher_dir,
            origin_dir=self.origin_dir or self.directory.teacher_dir,
            models_dir=self.directory.models_dir,
            training_dir=self.directory.training_dir,
            device=self.config.device,
            epoch_guard=self.gate().training,
        )

    @property
    def cost_table(self) -> CostTable:
        """The run's costs, shared with the user's other runs unless a teacher that is not ours is timed beside them."""
        is_timed_here = isinstance(self.config.teacher, ExternalTeacher)  # a speed-up compares times of one run
        return CostTable(self.directory.costs_dir, None if is_timed_here else user_cache() / "costs")

    def cost_key(self, architecture: Architecture) -> str:
        """Key of an architecture's cost on this machine."""
        elements = tuple(sorted(self.data.references.by_element))
        return cost_key(
            architecture,
            elements,
            self.config.measure,
            self.unit,
            device=self.config.device,
            n_threads=self.config.cluster.cpus_per_trial,
        )

    def cost(self, architecture: Architecture) -> CostRecord:
        """Cost of an architecture, from the table or measured now with the device to itself."""
        settings, n_threads = self.config.measure, self.config.cluster.cpus_per_trial
        table, key = self.cost_table, self.cost_key(architecture)

        def measured() -> CostRecord:
            is_explicit = engine_for(architecture, settings.engine) == "explicit"
            name = device_name(self.config.device)
            return measure_cost(
                architecture,
                self.data.references,
                settings,
                self.unit,
                device=self.config.device,
                n_threads=n_threads,
                max_atoms_guess=table.similar_max_atoms(architecture, name) if is_explicit else None,
            )

        return table.get_or_measure(key, measured, self.gate())

    def train(
        self, job: NetworkJob, on_epoch: Callable[[CurvePoint], None] | None = None, save_at: Collection[int] = ()
    ) -> ModelRecord:
        """Train a network in this process; its cost is known first."""
        prepare_torch(self.config.cluster.cpus_per_trial)
        cost = self.cost(job.architecture)
        return train_network(job, self.data, self.workplace(), cost, on_epoch=on_epoch, save_at=save_at)

    def is_finished(self, job: NetworkJob) -> bool:
        """Whether a network is there."""
        return is_finished(self.directory.models_dir / job.model_id(self.data))


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
    capacity = cost.capacity
    return Costs(cost.md.us_per_atom_step_median, capacity.max_atoms, capacity.bytes_per_atom, cost.key)


def measure_costs(workshop: Workshop, params: dict[str, Any]) -> Costs:
    """Costs of a trial's architecture, measured in this process where they are not known."""
    return costs_of(workshop.cost(to_architecture(workshop.config.search.space, params)))


def run_trial(workshop: Workshop, params: dict[str, Any], report: Report) -> dict[str, Any]:
    """Train the student of a trial and its controls.

    Args:
        workshop: The study.
        params: The sampler's choice, with `trial_number`.
        report: Called with the three objectives and the epoch every few epochs of the student, and at every rung
            after its checkpoint was written.

    Returns:
        The three objectives of the finished student, its epochs, the names of its networks and the epochs trained.

    Raises:
        TrainingDiverged: If the student diverged; its record is kept.
    """
    search = workshop.config.search
    student = student_job(search, params)
    cost = costs_of(workshop.cost(student.architecture))
    costs = {"md_us_per_atom_step": cost.md_us_per_atom_step, "max_atoms": cost.max_atoms}

    def on_epoch(point: CurvePoint) -> None:
        if point.epoch % search.report_every_epochs == 0 or point.epoch in search.rungs:
            rmse = {"valid_force_rmse_ev_per_ang": point.valid_force_rmse_ev_per_ang}
            report({**costs, **rmse, "epoch": point.epoch})

    record = workshop.train(student, on_epoch, search.rungs)
    if record.status != "complete":
        raise TrainingDiverged(record.n_epochs or 0)
    controls = [control_of(student, kind) for kind in search.controls]
    new = [not workshop.is_finished(control) for control in controls]
    controls_trained = [workshop.train(control) for control in controls]
    n_control_epochs = sum(c.n_epochs or 0 for c, is_new in zip(controls_trained, new, strict=True) if is_new)
    return {
        **costs,
        "valid_force_rmse_ev_per_ang": record.valid_force_rmse_ev_per_ang,
        "epoch": record.n_epochs,
        "model_ids": [record.model_id, *(control.model_id for control in controls_trained)],
        N_TRAINED_EPOCHS: (record.n_epochs or 0) + n_control_epochs,
    }
