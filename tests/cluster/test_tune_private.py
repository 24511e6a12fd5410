"""Names of Tune that are not public still are where the package expects them, and do what it relies on."""

import inspect
import re
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from pareto_search.cluster import tune_private
from pareto_search.cluster.tune_private import lean_controller


def trial(is_finished: bool) -> Any:
    return SimpleNamespace(is_finished=lambda: is_finished)


def controller(trials: list[Any]) -> Any:
    """As much of a controller as its queue needs."""
    asked: list[None] = []
    return SimpleNamespace(
        _trials=trials, _stopped_trials=set(), _failed_trials=set(), asked=asked, is_finished=lambda: False,
        _search_alg=SimpleNamespace(next_trial=lambda: asked.append(None)), add_trial=trials.append,
    )  # fmt: skip


def test_the_names_are_there() -> None:
    update, mark = TuneController._update_trial_queue, TuneController._mark_trial_to_checkpoint
    assert list(inspect.signature(update).parameters) == ["self", "blocking", "timeout"]
    assert list(inspect.signature(mark).parameters) == ["self", "trial"]
    assert callable(Trial.is_finished)
    source = inspect.getsource(TuneController)
    for name, kind in (("_trials", "List"), ("_stopped_trials", "Set"), ("_failed_trials", "Set")):
        assert re.search(rf"self\.{name}: {kind}\[Trial\] = ", source), name
    assert re.search(r"self\._update_trial_queue\(.*blocking=", source)
    assert "self._mark_trial_to_checkpoint(" in source


def test_the_queue_does_not_wait_for_the_searcher_and_the_class_is_put_back() -> None:
    before = TuneController._update_trial_queue, TuneController._mark_trial_to_checkpoint
    idle = controller([])
    with lean_controller():
        assert TuneController._update_trial_queue(idle, blocking=True, timeout=60) is False  # at once
        assert len(idle.asked) == 1
        TuneController._mark_trial_to_checkpoint(idle, trial(False))  # notes nothing, for there is nowhere to
    with suppress(ZeroDivisionError), lean_controller():
        raise ZeroDivisionError
    assert (TuneController._update_trial_queue, TuneController._mark_trial_to_checkpoint) == before


def test_trials_that_have_ended_are_forgotten_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune_private, "N_REMEMBERED", 3)
    running = trial(False)
    few, many = controller([trial(True), running]), controller([*(trial(True) for _ in range(3)), running])
    many._stopped_trials.add("a trial")
    with lean_controller():
        TuneController._update_trial_queue(few)
        TuneController._update_trial_queue(many)
    assert len(few._trials) == 2
    assert many._trials == [running]
    assert not many._stopped_trials


@pytest.mark.parametrize("room", ["cluster", "search"])
def test_no_other_file_changes_other_peoples_classes(room: str, request: pytest.FixtureRequest) -> None:
    for path in (request.config.rootpath / "pareto_search" / room).rglob("*.py"):
        text = path.read_text()
        assert "mock" not in text, path
        assert path.name == "tune_private.py" or "TuneController" not in text, path
