"""The stages of a study, each a function of what the earlier ones left in the run directory."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pareto_search.analysis.history import search_reference
from pareto_search.analysis.networks import clean_models
from pareto_search.config import ExternalTeacher, LiquidSettings, LossWeights, StudyConfig
from pareto_search.data.labels import Labels
from pareto_search.errors import ParetoSearchError, StoreError
from pareto_search.journal import Journal
from pareto_search.loading import keep_or_compare, load_study_data, measured_cell
from pareto_search.measure.liquid import liquid_crystal
from pareto_search.measure.liquid_files import LiquidFolder
from pareto_search.networks.cost_table import CostTable
from pareto_search.networks.external_teaching import ExternalTeaching
from pareto_search.networks.job import NetworkJob
from pareto_search.networks.liquid_work import LiquidJob, LiquidWork
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.networks.teaching import NetworkTeaching, Teaching
from pareto_search.networks.training import finished_record
from pareto_search.potential.process import check_device
from pareto_search.records import CostRecord, ModelRecord, Stage
from pareto_search.results import report_input
from pareto_search.run_directory import RunDirectory
from pareto_search.search.confirmation import confirmation_jobs, select_students, student_to_confirm
from pareto_search.search.messages import Costs
from pareto_search.search.outcomes import Outcomes
from pareto_search.search.run_trial import costs_of
from pareto_search.search.space import ladder, to_architecture
from pareto_search.search.tuned_controls import best_weights, tuning_jobs
from pareto_search.search.warm_start import check_source, import_trials, is_taken_over
from pareto_search.store import ResultStore
from pareto_search.training.study_data import StudyData

if TYPE_CHECKING:
    import optuna

    from pareto_search.analysis.study_summary import StudySummary
    from pareto_search.cluster.session import RaySession
    from pareto_search.report.words import Answer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyReport:
    """What a study found, in numbers and in words."""

    summary: "StudySummary"
    answer: "Answer"


@dataclass
class Study:
    """An open run directory; stages are its methods, and whatever a stage needs is made or read on first use.

    Attributes:
        directory: The run directory, held by this process alone.
        resources: Closed with the study; Ray enters here when first needed.
        loaded: The data, where they have been read already.
    """

    config: StudyConfig
    directory: RunDirectory
    store: ResultStore
    resources: ExitStack
    loaded: StudyData | None = None
    ray: "RaySession | None" = None

    @cached_property
    def journal(self) -> Journal:
        """Where events are noted."""
        return Journal([self.store.add_event])

    @cached_property
    def outcomes(self) -> Outcomes:
        """What receives the results of trials and networks."""
        return Outcomes(self.labelled, self.store, self.journal)

    # --- data, teacher, labels --------------------------------------------------------------------------------------

    @cached_property
    def data(self) -> StudyData:
        """Frames, split, references and neighbours; `dataset.json` is written the first time and compared later."""
        data = self.loaded or load_study_data(self.config, self.directory)
        keep_or_compare(data, self.config, self.directory)
        return data

    @cached_property
    def shared(self) -> SharedStudy:
        """What workers need, without labels."""
        check_device(self.config.device)
        unit = measured_cell(self.config.measure.structure, self.data.dataset)
        return SharedStudy(self.config, self.directory, self.data, unit)

    @cached_property
    def labelled(self) -> SharedStudy:
        """What workers need, with the teachers' labels."""
        teaching = self.teaching
        labels, first_labels, snapshots = teaching.labels(), teaching.first_labels(), teaching.snapshots()
        data = replace(self.data, labels=labels, first_labels=first_labels, snapshots=snapshots)
        return replace(self.shared, data=data, origin_dir=teaching.teachers()[0])

    @cached_property
    def teaching(self) -> Teaching:
        """Where teachers and labels come from."""
        teacher, sources = self.config.teacher, self._sources()
        if isinstance(teacher, ExternalTeacher):
            return ExternalTeaching(self.shared, self.store, self.journal, sources, teacher)
        sources += [RunDirectory(path) for path in teacher.reuse]
        return NetworkTeaching(self.shared, self.store, self.journal, sources, teacher)

    def label(self) -> Labels:
        """The teachers' labels; network teachers are trained first, an external one is evaluated."""
        labels = self.labelled.data.labels
        assert labels is not None
        return labels

    # --- costs, search, confirmation --------------------------------------------------------------------------------

    def costs(self, n_ladder: int = 0) -> list[CostRecord]:
        """Measure the teacher's cost, that of the search's first points, and of a ladder through the space."""
        space, teacher = self.config.search.space, self.config.teacher
        architectures = [] if isinstance(teacher, ExternalTeacher) else [teacher.architecture]
        architectures += [to_architecture(space, point) for point in self.config.search.points]
        architectures += ladder(space, n_ladder)
        costs = [self.shared.cost(architecture) for architecture in dict.fromkeys(architectures)]
        self.shared.cost_table.export(self.directory.costs_json)
        return costs

    def search(self) -> None:
        """Run the search's trials that are not done yet."""
        from pareto_search.cluster.tune import run_search
        from pareto_search.search.run_trial import measure_costs, run_trial

        shared = self.labelled
        stage = ExitStack()

        def begin() -> None:
            stage.enter_context(self.journal.stage("search", self.config.search.n_trials))
            self._join_ray()

        with stage:
            run_search(
                settings=self.config.search,
                cluster=self.config.cluster,
                study_name=self.config.name,
                study_db=self.directory.study_db,
                storage_dir=self.directory.ray_dir,
                shared=shared,
                measure=measure_costs,
                trial=run_trial,
                on_end=self.outcomes.trial_ended,
                known_costs=self._known_costs,
                on_result=self.outcomes.trial_reported,
                note=self.journal.note,
                reference=self._reference(),
                prepare=self._warm_start,
                join_ray=begin,
            )
        self.store.ingest_all(self.directory.models_dir)

    def confirm(self) -> None:
        """Retrain the chosen students and their controls with fresh seeds, as far as that is not done."""
        settings = self.config.confirm
        students = self._chosen_students()
        tuned = self._tune(students) if "tuned" in settings.controls else {}
        self._train("confirmation", confirmation_jobs(students, settings, tuned))
        if not any(record.status == "complete" for record in self.records("confirm")):
            raise ParetoSearchError("no network of the confirmation was trained to its end; log.txt has the reasons")

    def _tune(self, students: list[NetworkJob]) -> dict[NetworkJob, LossWeights]:
        """Loss weights of the tuned control of each student, after a search among controls."""
        models = self.store.models()
        is_own_student = (models["stage"] == "search") & (models["role"] == "student") & models["trial_id"].notna()
        n_trials = max(1, int(is_own_student.sum()))
        candidates = tuning_jobs(students, self.config.search, n_trials)
        self._train("tuned controls", [job for jobs in candidates.values() for job in jobs])
        data = self.labelled.data
        try:
            return {
                student: best_weights(jobs, lambda job: self.store.get(job.model_id(data)))
                for student, jobs in candidates.items()
            }
        except ValueError as error:
            raise ParetoSearchError(f"the controls could not be tuned: {error}; log.txt has the reasons") from error

    def _train(self, what: str, jobs: list[NetworkJob]) -> None:
        """Train those of some networks that are not there, on the cluster."""
        from pareto_search.cluster.jobs import run_jobs

        shared = self.labelled
        missing = [job for job in jobs if not shared.is_finished(job)]
        logger.info("%s: %d networks, %d of them to train", what, len(jobs), len(missing))
        if missing:
            self._join_ray()
            with self.journal.stage(what, len(missing)):
                run_jobs(
                    cluster=self.config.cluster,
                    shared=shared,
                    jobs=missing,
                    job=SharedStudy.train,
                    name=lambda job: f"{self.config.name}-{job.model_id(shared.data)}",
                    notes=self.directory.ray_dir,
                    on_result=self.outcomes.network_ended,
                )
        self.store.ingest_all(self.directory.models_dir)

    def _chosen_students(self) -> list[NetworkJob]:
        """The students to confirm, as they were searched but with the confirmation's training settings."""
        if not self.directory.study_db.is_file():
            raise StoreError(f"{self.directory.path} has no search to confirm; give `search` this directory first")
        rows = select_students(self.store.models(), self.config.confirm, self.config.search.objective_list)
        if rows.empty:
            raise ParetoSearchError("no student of the search was trained to the end; see log.txt for the reasons")
        return [student_to_confirm(row, self.config, self.directory.models_dir) for row in rows.to_dict("records")]

    # --- liquid -----------------------------------------------------------------------------------------------------

    def liquid(self) -> list[ModelRecord]:
        """MD of the liquid by the teacher and the confirmed networks, as far as that is not done.

        Returns:
            Their records, the teacher's first.

        Raises:
            StoreError: If nothing was confirmed.
            MeasurementError: If the teacher makes no liquid.
        """
        from pareto_search.cluster.liquid_stage import LiquidStage

        confirmed = [record for record in self.records("confirm") if record.status == "complete"]
        if not confirmed:
            raise StoreError(
                f"{self.directory.path} has no confirmed networks whose liquid could be compared with the teacher's; "
                "give `confirm` this directory first"
            )
        external = self.config.teacher if isinstance(self.config.teacher, ExternalTeacher) else None
        folder = self.teaching.teachers()[0]
        first = finished_record(folder)
        teacher = LiquidJob(first.model_id, first.role, folder, external)
        others = [LiquidJob(it.model_id, it.role, self.directory.model_dir(it.model_id)) for it in confirmed]
        settings = self.config.measure.liquid or LiquidSettings()
        work = LiquidWork(
            settings=settings,
            crystal=liquid_crystal(self.shared.unit, settings),
            teacher=teacher,
            results=LiquidFolder(self.directory.liquid_dir),
            device=self.config.device,
            n_threads=self.config.cluster.cpus_per_trial,
            skin_ang=self.config.measure.skin_ang,
            gate=self.shared.gate(),
        )
        cluster, name = self.config.cluster, self.config.name
        stage = LiquidStage(work, cluster, name, self.directory.ray_dir, self.store, self.journal)
        stage.run([teacher, *others], self._join_ray)
        return self._stored(job.model_id for job in (teacher, *others))

    # --- warm start -------------------------------------------------------------------------------------------------

    def _sources(self) -> list[RunDirectory]:
        return [RunDirectory(path) for path in self.config.search.warm_start]

    def _warm_start(self, study: "optuna.Study") -> None:
        """Make trials and networks of finished runs known, where data, split and labels are the same."""
        search, shared = self.config.search, self.labelled
        labels = shared.data.labels
        for source in self._sources():
            if is_taken_over(study, source):
                continue
            config = check_source(source, search, self.data.dataset_hash, labels.sha256 if labels else "")
            import_trials(study, shared, source, config)
        if search.warm_start:
            self.store.ingest_all(self.directory.models_dir)

    # --- report -----------------------------------------------------------------------------------------------------

    def report(self) -> "StudyReport":
        """Write the CSV files, `report.json` and `report.html` from what is stored; trains nothing."""
        from pareto_search.report.page.report_page import write_report

        directory = self.directory
        self.store.export_csv(directory.models_csv, directory.curves_csv, directory.events_csv)
        CostTable(directory.costs_dir).export(directory.costs_json)
        data = report_input(directory, self.config, self.store)
        return StudyReport(*write_report(data, directory.report_html, directory.report_json))

    def records(self, stage: Stage) -> list[ModelRecord]:
        """Stored networks of a stage, in the order they came."""
        rows = self.store.models()
        return self._stored(rows.loc[rows["stage"] == stage, "model_id"])

    def _stored(self, model_ids: Iterable[str]) -> list[ModelRecord]:
        return [record for model_id in model_ids if (record := self.store.get(model_id)) is not None]

    # --- plumbing ---------------------------------------------------------------------------------------------------

    def _join_ray(self) -> None:
        """Start or join Ray, once, and show it how the run is going; it is left when the study is closed."""
        from pareto_search.cluster.metrics import RunMetrics
        from pareto_search.cluster.session import ray_session

        if self.ray is not None:
            return
        self.ray = self.resources.enter_context(ray_session(self.config.cluster, self.config.name))
        metrics = RunMetrics(
            study=self.config.name,
            max_epochs=self.config.search.training.max_epochs,
            dataset_bytes=self.data.nbytes,
            objectives=self.config.search.objective_list,
            reference=self._reference(),
            record_of=self.store.get,
        )
        for event in self.store.event_list():
            metrics(event)
        self.journal.listeners.append(metrics)
        self.resources.enter_context(metrics.kept_up())

    def _reference(self) -> tuple[float, ...] | None:
        """Reference point of the search's hypervolume, where the teacher gives one."""
        models = clean_models(self.store.models())
        point = search_reference(models[models["role"] == "teacher"], self.config.search.objective_list)
        return None if point is None else point.values

    def _known_costs(self, params: Mapping[str, object]) -> Costs | None:
        """Costs of a trial's architecture, where they were measured."""
        architecture = to_architecture(self.config.search.space, params)
        cost = self.shared.cost_table.get(self.shared.cost_protocol.key(architecture))
        return None if cost is None else costs_of(cost)
