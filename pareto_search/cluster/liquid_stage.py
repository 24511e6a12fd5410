"""The stage in which networks run MD of the liquid: the teacher first, then all others on the cluster."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pareto_search.cluster.jobs import run_jobs
from pareto_search.config import ClusterSettings
from pareto_search.errors import MeasurementError
from pareto_search.journal import Journal
from pareto_search.measure.liquid_files import LiquidResult, liquid_columns
from pareto_search.networks.liquid_work import LiquidJob, LiquidWork, log_result
from pareto_search.records import Event
from pareto_search.store import ResultStore

logger = logging.getLogger(__name__)


@dataclass
class LiquidStage:
    """Runs what is missing and stores what is found.

    Attributes:
        notes: Folder on storage that all machines share.
        results: What is known, by network.
    """

    work: LiquidWork
    cluster: ClusterSettings
    study_name: str
    notes: Path
    store: ResultStore
    journal: Journal
    results: dict[str, LiquidResult] = field(default_factory=dict, init=False)
    _teacher_failure: str | None = field(default=None, init=False)

    def run(self, jobs: list[LiquidJob], join_ray: Callable[[], None]) -> None:
        """Run MD of the liquid by those networks that need it.

        Raises:
            MeasurementError: If the teacher has no liquid, so that there is nothing to compare with.
        """
        teacher = self.work.teacher
        self.results = self.work.done(jobs)
        self._store()
        missing = [job for job in jobs if job.model_id not in self.results]
        length_ps = self.work.settings.run_ps
        logger.info("liquid: %d networks, %d of them to run, %.3g ps each", len(jobs), len(missing), length_ps)
        if teacher in missing or (missing and self._has_liquid):
            join_ray()
            with self.journal.stage("liquid", len(missing)):
                self._run([job for job in missing if job == teacher])
                if self._has_liquid:
                    self._run([job for job in missing if job != teacher])
        if not self._has_liquid:
            known = self.results.get(teacher.model_id)
            raise MeasurementError(
                f"the teacher has no liquid to compare with: {known.run.reason if known else self._teacher_failure}; "
                "other temperatures, a longer melt or a smaller step in measure.liquid, or a teacher that has seen "
                "liquids, may help"
            )

    @property
    def _has_liquid(self) -> bool:
        teacher = self.results.get(self.work.teacher.model_id)
        return teacher is not None and teacher.run.rdf is not None

    def _run(self, jobs: list[LiquidJob]) -> None:
        run_jobs(
            cluster=self.cluster,
            shared=self.work,
            jobs=jobs,
            job=LiquidWork.run,
            name=lambda job: f"{self.study_name}-liquid-{job.model_id}",
            notes=self.notes,
            on_result=self._ended,
        )

    def _ended(self, job: LiquidJob, found: tuple[LiquidResult, float] | None, reason: str | None) -> None:
        """Note the end of a network's MD; one whose worker failed has no result, and is tried again next time."""
        if found is None:
            if job == self.work.teacher:
                self._teacher_failure = reason
            self.journal.note(Event("liquid_ended", model_id=job.model_id, status="failed", text=reason))
            return
        result, seconds = found
        self.results[job.model_id] = result
        log_result(result, self._store()[job.model_id])
        self.journal.note(
            Event("liquid_ended", model_id=job.model_id, status="complete", seconds=seconds, text=result.run.reason)
        )

    def _store(self) -> dict[str, dict[str, float | None]]:
        """Store the columns of all networks whose result is known, and empty those of others."""
        teacher = self.results.get(self.work.teacher.model_id)
        columns = {name: liquid_columns(result, teacher) for name, result in self.results.items()}
        self.store.put_liquid(columns)
        return columns
