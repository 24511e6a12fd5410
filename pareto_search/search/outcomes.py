"""What trials and networks came to: stored, and noted in the journal, when the driver gets them."""

from dataclasses import dataclass
from typing import Any, Literal

from pareto_search.journal import Journal
from pareto_search.networks.job import NetworkJob
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.networks.training import NetworkTraining, log_record
from pareto_search.records import Event, ModelRecord
from pareto_search.search.messages import TrialEnd
from pareto_search.search.run_trial import student_job
from pareto_search.store import ResultStore


@dataclass(frozen=True)
class Outcomes:
    """Receives results on the driver."""

    shared: SharedStudy
    store: ResultStore
    journal: Journal

    def trial_reported(self, result: dict[str, Any]) -> None:
        """Note an epoch of a trial's student."""
        self.journal.note(
            Event(
                "epoch",
                trial_id=result["trial_number"],
                epoch=result["epoch"],
                valid_force_rmse_ev_per_ang=result["valid_force_rmse_ev_per_ang"],
            )
        )

    def trial_ended(self, end: TrialEnd) -> None:
        """Record a student that did not get to record its own end, and store the trial's networks."""
        if end.status in ("pruned", "failed"):
            model_ids = [self._unfinished(end, end.status).model_id]
        else:
            model_ids = (end.result or {}).get("model_ids", [])
        self.store.ingest(self.shared.directory.models_dir / model_id for model_id in model_ids)
        for model_id in model_ids:
            self._note_network(model_id, trial_id=end.number)
        self.journal.note(
            Event("trial_ended", trial_id=end.number, status=end.status, epoch=end.epoch, text=end.reason)
        )

    def network_ended(self, job: NetworkJob, record: ModelRecord | None, reason: str | None) -> None:
        """Store a network that belongs to no trial; the record is None where its worker was lost.

        Args:
            job: The network.
            record: Its record; None where its worker was lost.
            reason: Why, if it failed.
        """
        if record is not None:
            log_record(record)
        model_id = job.model_id(self.shared.data)
        self.store.ingest([self.shared.directory.models_dir / model_id])
        if record is None and self.store.get(model_id) is None:
            self.journal.note(Event("network_ended", stage=job.stage, model_id=model_id, status="failed", text=reason))
        else:
            self._note_network(model_id)

    def _unfinished(self, end: TrialEnd, status: Literal["pruned", "failed"]) -> ModelRecord:
        shared = self.shared
        job = student_job(shared.config.search, {**end.params, "trial_number": end.number})
        cost = shared.cost_table.get(end.cost_key) if end.cost_key else None
        return NetworkTraining(job, shared.data, shared.folders(), cost).give_up(status, end.reason or "")

    def _note_network(self, model_id: str, trial_id: int | None = None) -> None:
        record = self.store.get(model_id)
        if record is not None:
            self.journal.note(
                Event(
                    "network_ended",
                    stage=record.stage,
                    trial_id=trial_id,
                    model_id=model_id,
                    status=record.status,
                    epoch=record.n_epochs,
                    seconds=record.train_s,
                    text=record.reason,
                )
            )
