import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher
from sqlalchemy import event

from pareto_search.cluster.tune_searcher import StudySearch
from pareto_search.config import CapSettings, Choice, PruningSettings, SearchSettings, SpaceSettings
from pareto_search.errors import ConfigError, ParetoSearchError, StoreError, WriteError
from pareto_search.records import Event
from pareto_search.search.dispatch import Dispatcher
from pareto_search.search.messages import ENDS_ALL, FAILURE, IS_FINAL, N_TRAINED_EPOCHS, Costs, TrialEnd
from pareto_search.search.optuna_study import OptunaLedger, open_optuna_study
from pareto_search.search.stop import Stop
from pareto_search.search.trial_book import TrialBook
from tests.cluster.fake_study import settings_of
from tests.cluster.fake_trial import N_EPOCHS, objectives
from tests.cluster.fake_trial import costs_of as costs_of_values

SETTINGS = settings_of(6, sampler="tpe", seed=3)
OBJECTIVES = SETTINGS.objective_list
SAME = Costs({"md_us_per_atom_step": 1.0, "max_atoms": 1000, "bytes_per_atom": 1.0})
POINT = {"n_features": 20, "n_sensitivities": 16, "weight_forces": 30.0, "weight_atomic_energy": 0.5}
WITH_POINT = SETTINGS.model_copy(update={"points": (POINT,)})
PRUNED = SETTINGS.model_copy(
    update={"pruning": PruningSettings(grace_epochs=1, reduction_factor=3), "sampler": "random", "n_trials": 9}
)


class FakeCosts:
    """Costs that are there at the next look, or when the test says; the same for all where the test wants it."""

    def __init__(self) -> None:
        self.of_all: Costs | None = None
        self.measured: list[int] = []
        self.waiting: dict[int, dict[str, Any]] = {}
        self.is_slow = False
        self.n_waits = 0

    def __len__(self) -> int:
        return len(self.waiting)

    def wait(self, timeout_s: float) -> None:
        self.n_waits += 1

    def start(self, number: int, params: dict[str, Any], name: str) -> None:
        self.measured.append(number)
        self.waiting[number] = params

    def collect(self) -> list[tuple[int, Costs | None, str | None, float]]:
        if self.is_slow:
            return []
        waiting, self.waiting = self.waiting, {}
        return [(number, self.of_all or costs_of(params), None, 2.5) for number, params in waiting.items()]


def costs_of(params: dict[str, Any]) -> Costs:
    return costs_of_values(objectives(params))


def force_of(forecasts: dict[int, dict[str, float]]) -> dict[int, float]:
    return {trial: values["valid_force_rmse_ev_per_ang"] for trial, values in forecasts.items()}


class Search(StudySearch):
    """A searcher without Ray, which notes how trials ended and what else happened."""

    def suggest(self, trial_id: str) -> Any:
        return super().suggest(trial_id)

    def __init__(self, study: optuna.Study, settings: SearchSettings, n_slots: int = 4) -> None:
        self.ends: dict[int, TrialEnd] = {}
        self.events: list[Event] = []
        self.costs = FakeCosts()
        self.stopped = Stop()
        self.book = TrialBook(OptunaLedger(study, settings), settings, self.ended)
        self.budget, self.rungs = self.book.budget, self.book.rungs
        self.dispatcher = Dispatcher(
            self.book,
            settings,
            "fake",
            self.costs,
            self.stopped,
            lambda: n_slots,
            note=self.events.append,
        )
        costs: Any = self.costs
        super().__init__(self.dispatcher, settings.objective_list, costs, self.stopped)

    @property
    def has_work(self) -> bool:
        return self.dispatcher.has_work

    def ended(self, end: TrialEnd) -> None:
        self.ends[end.number] = end

    def raise_errors(self) -> None:
        if self.stopped.error:
            raise self.stopped.error


@pytest.fixture
def study(tmp_path: Path) -> Iterator[optuna.Study]:
    with open_optuna_study(tmp_path / "study.db", "fake", OBJECTIVES) as study:
        yield study


def finish(search: Search, trial_id: str, params: dict[str, Any], **changes: object) -> None:
    final = {**objectives(params), IS_FINAL: True, "epoch": N_EPOCHS, N_TRAINED_EPOCHS: 2 * N_EPOCHS}
    search.on_trial_complete(trial_id, {**final, **changes})
    search.raise_errors()


def run(search: Search, trial_id: str, **changes: object) -> int:
    """One whole trial; returns its Optuna number."""
    params = search.suggest(trial_id)
    search.raise_errors()
    finish(search, trial_id, params, **changes)
    return params["trial_number"]


def test_the_study_has_directions_and_names(study: optuna.Study) -> None:
    assert study.metric_names == ["valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms"]
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MINIMIZE", "MAXIMIZE"]


def test_a_final_result_is_complete(study: optuna.Study) -> None:
    search = Search(study, SETTINGS)
    run(search, "a", model_ids=["student-0"])
    trial = study.trials[0]
    assert trial.values == list(objectives(trial.params).values())
    assert trial.user_attrs["status"] == "complete"
    assert trial.user_attrs["model_ids"] == ["student-0"]
    assert trial.user_attrs["costs"] == costs_of(trial.params).to_plain()
    assert search.ends[0].result["epoch"] == N_EPOCHS
    assert search.budget.n_epochs == 2 * N_EPOCHS


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "fast"])
def test_an_objective_that_is_no_finite_number_fails_the_trial(study: optuna.Study, value: object) -> None:
    run(Search(study, SETTINGS), "a", md_us_per_atom_step=value)
    assert study.trials[0].state is TrialState.FAIL
    assert study.trials[0].user_attrs["reason"] == f"md_us_per_atom_step is {value}"


def test_an_announced_failure_and_a_dead_worker_fail_the_trial(study: optuna.Study) -> None:
    search = Search(study, SETTINGS)
    search.suggest("a")
    search.on_trial_result("a", {FAILURE: "no luck"})
    search.on_trial_complete("a", error=True)
    search.suggest("b")
    search.on_trial_complete("b", error=True)
    assert [search.ends[number].status for number in (0, 1)] == ["failed", "failed"]
    assert [study.trials[number].state for number in (0, 1)] == [TrialState.FAIL] * 2
    assert study.trials[0].user_attrs["reason"] == "no luck"
    assert "worker process died" in study.trials[1].user_attrs["reason"]


def test_a_failure_that_would_befall_all_ends_the_search_and_leaves_the_trial_to_the_next_run(
    study: optuna.Study,
) -> None:
    search = Search(study, SETTINGS)
    search.suggest("a")
    search.on_trial_result("a", {FAILURE: "disk full", ENDS_ALL: True})
    search.on_trial_complete("a", error=True)
    assert search.suggest("b") == Searcher.FINISHED
    with pytest.raises(WriteError, match="disk full"):
        search.raise_errors()
    assert search.ends == {}
    assert study.trials[0].state is TrialState.RUNNING


def test_a_trial_is_told_once(study: optuna.Study) -> None:
    search = Search(study, SETTINGS)
    run(search, "a")
    search.on_trial_complete("a", error=True)
    assert study.trials[0].state is TrialState.COMPLETE


def test_no_trial_is_handed_out_before_its_costs_are_known_nor_beyond_the_slots(study: optuna.Study) -> None:
    search = Search(study, SETTINGS, n_slots=2)
    search.costs.is_slow = True
    assert search.suggest("a") is None
    assert len(search.costs) == 3  # as many as will run, and one ahead
    search.costs.is_slow = False
    assert search.suggest("a")["trial_number"] == 0
    assert search.suggest("b")["trial_number"] == 1
    search.costs.is_slow = True
    assert search.suggest("c") is None
    assert search.costs.n_waits == 1  # only where no trial was running: else Tune waits for those
    search.costs.is_slow = False
    finish(search, "a", study.trials[0].params)
    assert search.suggest("c")["trial_number"] == 2


def test_an_architecture_beyond_a_cap_is_infeasible_and_costs_no_epoch_and_no_trial(study: optuna.Study) -> None:
    caps = CapSettings(max_md_us_per_atom_step=60.0, min_atoms=10_000, max_bytes_per_atom=1e6)
    search = Search(study, SETTINGS.model_copy(update={"caps": caps}))
    for number in range(6):
        run(search, str(number))
    assert search.suggest("end") == Searcher.FINISHED
    refused = [end for end in search.ends.values() if end.status == "infeasible"]
    assert refused
    assert sum(end.status == "complete" for end in search.ends.values()) == 6
    for end in refused:
        trial = study.trials[end.number]
        assert trial.state is TrialState.PRUNED
        assert costs_of(end.params).values["md_us_per_atom_step"] > 60
        assert "µs/atom/step, at most 60" in end.reason
        assert next(iter(trial.constraints.values())) > 0
    assert search.budget.n_epochs == 6 * 2 * N_EPOCHS


def test_caps_that_nothing_meets_end_the_search_with_advice(study: optuna.Study) -> None:
    search = Search(study, SETTINGS.model_copy(update={"caps": CapSettings(max_md_us_per_atom_step=0.1)}))
    assert search.suggest("a") == Searcher.FINISHED
    with pytest.raises(ConfigError, match=r"50 architectures in a row were beyond search\.caps"):
        search.raise_errors()


def test_a_trial_whose_driver_died_before_it_was_refused_is_refused_by_the_next(study: optuna.Study) -> None:
    settings = SETTINGS.model_copy(update={"caps": CapSettings(max_md_us_per_atom_step=1.0)})
    trial = OptunaLedger(study, settings).begin(POINT, {"costs": costs_of(POINT).to_plain()})
    search = Search(study, settings)
    search.suggest("a")
    assert search.ends[trial.number].status == "infeasible"
    assert study.trials[trial.number].state is TrialState.PRUNED


def test_samplers_see_refused_trials_with_their_costs_and_only_open_ones_as_running(study: optuna.Study) -> None:
    search = Search(study, SETTINGS.model_copy(update={"caps": CapSettings(max_md_us_per_atom_step=60.0)}), n_slots=1)
    for number in range(6):
        run(search, str(number))
    search.suggest("end")
    errors = [trial.values[0] for trial in study.trials if trial.state is TrialState.COMPLETE]
    for trial, seen in zip(study.trials, search.book.seen(), strict=True):
        assert not seen.is_open
        assert seen.values[1] == costs_of(trial.params).values["md_us_per_atom_step"]
        if trial.state is TrialState.PRUNED:
            assert seen.violation > 0
            assert seen.values[0] == max(errors)


def test_a_search_in_which_nothing_works_ends(study: optuna.Study) -> None:
    search = Search(study, settings_of(None, max_trained_epochs=1000), n_slots=1)
    for number in range(20):
        params = search.suggest(str(number))
        search.goes_on(str(number), {**objectives(params), "epoch": 2})
        search.on_trial_complete(str(number), error=True)
    assert search.suggest("end") == Searcher.FINISHED
    assert search.budget.n_epochs == 40
    with pytest.raises(ParetoSearchError, match="20 trials in a row failed, the last because: its worker"):
        search.raise_errors()


def test_a_trial_has_its_record_before_the_study_knows_its_end(study: optuna.Study) -> None:
    search = Search(study, SETTINGS)
    states = []
    search.book.on_end = lambda end: states.append(study.trials[end.number].state)
    run(search, "a")
    assert states == [TrialState.RUNNING]


def test_trials_wait_at_a_rung_and_are_pruned_at_the_end(study: optuna.Study) -> None:
    search = Search(study, PRUNED, n_slots=1)
    search.costs.of_all = SAME
    for number in range(9):
        params = search.suggest(str(number))
        assert params["trial_number"] == number
        values = {"valid_force_rmse_ev_per_ang": 1.0 + number, "md_us_per_atom_step": 1.0, "max_atoms": 1000}
        if search.goes_on(str(number), {**values, "epoch": 1}):
            finish(search, str(number), params, valid_force_rmse_ev_per_ang=0.5)
        else:
            search.on_trial_complete(str(number), {**values, "epoch": 1})
            assert study.trials[number].state is TrialState.RUNNING
            assert study.trials[number].user_attrs["paused_at_epoch"] == 1
        if number == 3:  # the second of four now belongs to the best third, rounded up, and goes on
            promoted = promoted_first = search.suggest("again")
            assert promoted["trial_number"] == 1
            assert search.goes_on("again", {**values, "epoch": 1})  # reported again on its way; not asked again
            finish(search, "again", promoted, valid_force_rmse_ev_per_ang=1.0)
        if number == 6:
            promoted = search.suggest("third")
            assert promoted["trial_number"] == 2
            finish(search, "third", promoted, valid_force_rmse_ev_per_ang=1.5)
    search.raise_errors()
    assert search.suggest("end") == Searcher.FINISHED
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE] * 3 + [TrialState.PRUNED] * 6
    assert search.ends[5].status == "pruned"
    assert search.ends[5].epoch == 1
    assert search.ends[5].reason == "not among the best 1/3 at epoch 1"
    assert search.budget.n_epochs == 3 * 2 * N_EPOCHS + 6

    began, *of_one = [event for event in search.events if event.trial_id == 1]
    assert {**json.loads(began.text or ""), "trial_number": 1} == promoted_first
    assert [began.kind, *of_one] == [
        "trial_began",
        Event("costs_known", trial_id=1, seconds=2.5),
        Event("training", trial_id=1, epoch=0),
        Event("paused", trial_id=1, epoch=1, text="not among the best 1/3 at epoch 1"),
        Event("training", trial_id=1, epoch=1),
    ]


def test_a_waiting_trial_still_waits_after_a_restart(study: optuna.Study) -> None:
    first = Search(study, PRUNED, n_slots=1)
    first.costs.of_all = SAME
    values = {"md_us_per_atom_step": 1.0, "max_atoms": 1000}
    for number in range(3):
        params = first.suggest(str(number))
        if first.goes_on(str(number), {**values, "valid_force_rmse_ev_per_ang": 1.0 + number, "epoch": 1}):
            finish(first, str(number), params)
        else:
            first.on_trial_complete(str(number), {})
    first.raise_errors()
    assert set(first.rungs.paused) == {1, 2}

    second = Search(study, PRUNED, n_slots=1)
    assert second.rungs.paused == first.rungs.paused
    assert second.budget.n_epochs == first.budget.n_epochs == 2 * N_EPOCHS + 2
    assert second.suggest("a")["trial_number"] == 3  # neither of them may go on yet
    assert force_of(second.rungs.forecasts()) == pytest.approx(force_of(first.rungs.forecasts()))


def test_trials_of_a_killed_driver_are_handed_out_first(study: optuna.Study) -> None:
    number = OptunaLedger(study, SETTINGS).begin(POINT, {}).number
    search = Search(study, SETTINGS)
    assert search.has_work
    assert search.suggest("a") == {**POINT, "trial_number": number}
    finish(search, "a", POINT)
    assert study.trials[number].state is TrialState.COMPLETE
    assert run(search, "b") == 1


def test_points_are_tried_first_and_once(study: optuna.Study) -> None:
    assert Search(study, WITH_POINT).suggest("a") == {**POINT, "trial_number": 0}
    again = Search(study, WITH_POINT)  # the driver was killed: the same trial, not another one of the point
    assert again.suggest("a") == {**POINT, "trial_number": 0}
    assert again.suggest("b")["n_features"] != POINT["n_features"]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "qmc"])
def test_a_resumed_search_draws_what_an_uninterrupted_one_draws(tmp_path: Path, sampler: str) -> None:
    settings = settings_of(18, sampler=sampler)
    with open_optuna_study(tmp_path / "whole.db", "fake", OBJECTIVES) as study:
        search = Search(study, settings, n_slots=1)
        for number in range(18):
            run(search, str(number))
        whole = [trial.params for trial in study.trials]
    for _ in range(2):
        with open_optuna_study(tmp_path / "parts.db", "fake", OBJECTIVES) as study:
            search = Search(study, settings, n_slots=1)
            for number in range(9):
                run(search, str(number))
            parts = [trial.params for trial in study.trials]
    assert parts == whole
    assert whole[9:] != whole[:9]


def test_a_finished_search_has_no_work_and_a_larger_one_has(study: optuna.Study) -> None:
    search = Search(study, SETTINGS)
    for number in range(6):
        run(search, str(number))
    assert not Search(study, SETTINGS).has_work
    assert Search(study, SETTINGS.model_copy(update={"n_trials": 7})).has_work


def test_a_grid_of_which_no_point_is_left_has_no_work_whatever_the_budget(study: optuna.Study) -> None:
    sizes = {"n_features": Choice(choices=(16,)), "n_sensitivities": Choice(choices=(8, 16, 32))}
    space = SpaceSettings(**sizes, n_atom_layers=2, weight_forces=30, weight_atomic_energy=1)
    caps = CapSettings(min_atoms=10_000_000 // (16 * 16))  # refuses 32
    grid = settings_of(40, space=space, sampler="grid", caps=caps)
    search = Search(study, grid)
    for i in range(2):
        assert Search(study, grid).has_work
        run(search, f"t{i}")
    assert search.suggest("last") == Searcher.FINISHED
    search.raise_errors()
    assert sorted(end.status for end in search.ends.values()) == ["complete", "complete", "infeasible"]
    assert not Search(study, grid).has_work
    assert Search(study, grid.model_copy(update={"sampler": "random"})).has_work


def test_a_trial_that_someone_else_enqueued_is_left_alone(study: optuna.Study) -> None:
    study.enqueue_trial({})
    search = Search(study, SETTINGS)
    assert run(search, "a") == 1
    assert study.trials[0].state is TrialState.WAITING


def test_a_study_that_cannot_be_written_any_more_ends_the_search_with_the_reason(study: optuna.Study) -> None:
    search = Search(study, SETTINGS)
    run(search, "a")
    engine = study._storage._backend.engine  # type: ignore[attr-defined]
    event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA query_only = ON"))
    assert search.suggest("b") == Searcher.FINISHED
    with pytest.raises(
        WriteError, match=r"study.db could not be written \(attempt to write a readonly database\); free"
    ):
        search.raise_errors()


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"stop_without_gain": 5, "n_trials": None})
    errors = (0.03, 0.06, 0.07)  # the last two gain nothing, but would if the order were lost
    with open_optuna_study(tmp_path / "study.db", "fake", OBJECTIVES) as study:
        search = Search(study, settings, n_slots=1)
        search.costs.of_all = SAME
        for error in errors:
            costs = {"md_us_per_atom_step": 1.0, "max_atoms": 1000}
            run(search, f"tune-{error}", valid_force_rmse_ev_per_ang=error, **costs)
        before = search.budget
    with closing(sqlite3.connect(tmp_path / "study.db")) as connection, connection:
        connection.execute("UPDATE trials SET datetime_complete = datetime('2000-01-01', -number || ' days')")
    with open_optuna_study(tmp_path / "study.db", "fake", OBJECTIVES) as study:
        after = Search(study, settings).budget
    assert before._n_without_gain == after._n_without_gain == 2
    assert after.seconds == pytest.approx(before.seconds, abs=5)


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"study\.db cannot be used"), open_optuna_study(path, "fake", OBJECTIVES):
        pass
