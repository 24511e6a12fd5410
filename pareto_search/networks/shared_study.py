"""What every worker of a study shares: settings, data, folders, costs."""

import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from pareto_search.config import Architecture, ExternalTeacher, StudyConfig
from pareto_search.files import user_cache
from pareto_search.measure.cost import CostProtocol
from pareto_search.measure.device import device_name
from pareto_search.networks.cost_table import CostTable
from pareto_search.networks.device_gate import DeviceGate
from pareto_search.networks.job import NetworkJob
from pareto_search.networks.training import NetworkFolders, NetworkTraining, is_finished
from pareto_search.potential.build import engine_traits
from pareto_search.potential.process import prepare_torch
from pareto_search.records import CostRecord, CurvePoint, ModelRecord
from pareto_search.run_directory import RunDirectory
from pareto_search.training.study_data import StudyData


@dataclass(frozen=True)
class SharedStudy:
    """Everything a worker needs; sent to the workers once.

    Attributes:
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

    def folders(self) -> NetworkFolders:
        """Where networks are trained and kept."""
        return NetworkFolders(
            teacher_dir=self.directory.teacher_dir,
            origin_dir=self.origin_dir or self.directory.teacher_dir,
            models_dir=self.directory.models_dir,
            training_dir=self.directory.training_dir,
            device=self.config.device,
            epoch_guard=self.gate().training,
        )

    @property
    def cost_table(self) -> CostTable:
        """The run's costs, shared with the user's other runs unless an external teacher is timed beside them."""
        is_timed_here = isinstance(self.config.teacher, ExternalTeacher)  # a speed-up compares times of one run
        return CostTable(self.directory.costs_dir, None if is_timed_here else user_cache() / "costs")

    @property
    def cost_protocol(self) -> CostProtocol:
        """How costs are measured on this machine."""
        elements, n_threads = tuple(sorted(self.data.references.by_element)), self.config.cluster.cpus_per_trial
        return CostProtocol(self.config.measure, self.unit, elements, self.config.device, n_threads)

    def cost(self, architecture: Architecture) -> CostRecord:
        """Cost of an architecture, from the table or measured now with the device to itself."""
        protocol, table = self.cost_protocol, self.cost_table

        def measured() -> CostRecord:
            engine, name = architecture.engine(protocol.settings.engine), device_name(protocol.device)
            is_list_bound = engine_traits(architecture, engine).is_list_bound
            guess = table.similar_max_atoms(architecture, engine, name) if is_list_bound else None
            return protocol.measure(architecture, max_atoms_guess=guess)

        return table.get_or_measure(protocol.key(architecture), measured, self.gate())

    def train(
        self, job: NetworkJob, on_epoch: Callable[[CurvePoint], None] | None = None, save_at: Collection[int] = ()
    ) -> ModelRecord:
        """Train a network in this process; its cost is known first.

        Args:
            job: The network.
            on_epoch: Called after each epoch.
            save_at: Epochs after which a checkpoint is written.
        """
        prepare_torch(self.config.cluster.cpus_per_trial)
        return NetworkTraining(job, self.data, self.folders(), self.cost(job.architecture)).run(on_epoch, save_at)

    def is_finished(self, job: NetworkJob) -> bool:
        """Whether a network is there."""
        return is_finished(self.directory.models_dir / job.model_id(self.data))
