import json
import math
from typing import Any

import pytest

from pareto_search.analysis.progress import Progress
from pareto_search.analysis.time_left import StudyBudget, TimeLeft, run_state, time_left
from pareto_search.durations import duration
from pareto_search.records import Event

BUDGET = StudyBudget(n_trials=4, max_hours=None, max_epochs=None, n_confirm=6, confirm_epochs=30)


def told(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress.add(event)
    return progress


def of(kind: Any, at_s: float, number: int | None = None, **details: Any) -> Event:
    return Event(kind, at_s=at_s, trial_id=number, **details)


def epoch(at_s: float, number: int, n: int, error: float = 0.1) -> Event:
    return of("epoch", at_s, number, epoch=n, valid_force_rmse_ev_per_ang=error)


def trial(number: int, at_s: float, n_epochs: int = 3, end: str = "complete") -> list[Event]:
    return [
        of("trial_began", at_s, number, text=json.dumps({"n_features": 8 + number})),
        of("costs_known", at_s, number, seconds=2.0),
        of("training", at_s, number, epoch=0),
        *(epoch(at_s + n, number, n) for n in range(1, n_epochs + 1)),
        of("trial_ended", at_s + n_epochs, number, status=end, epoch=n_epochs, text=None if end == "complete" else "!"),
    ]


def search(n_planned: int | None = 4, at_s: float = 100.0) -> Event:
    return of("stage_began", at_s, stage="search", n_planned=n_planned)


def test_a_trial_is_told_from_its_beginning_to_its_end() -> None:
    progress = told(search(), *trial(7, 110.0))
    found = progress.trials[7]
    assert found.params == {"n_features": 15}
    assert found.errors == {1: 0.1, 2: 0.1, 3: 0.1}
    assert [mark.kind for mark in found.marks] == ["began", "costs", "training", "ended"]
    assert found.marks[1].text == "measured in 2 s"
    assert (found.state, found.epoch, found.ended_at) == ("complete", 3, progress.n_events)
    assert progress.counts() == {"complete": 1}
    assert progress.n_epochs == 3


def test_a_pause_holds_though_its_epoch_is_told_after_it_and_a_promotion_ends_it() -> None:
    progress = told(search(), *trial(0, 100.0)[:3], of("paused", 105.0, 0, epoch=2, text="not among the best"),
                    epoch(105.1, 0, 2, 0.2))  # fmt: skip
    found = progress.trials[0]
    assert (found.state, found.reason, found.errors) == ("waiting", "not among the best", {2: 0.2})
    progress.add(of("training", 107.0, 0, epoch=2))
    assert (found.state, found.reason, found.marks[-1].kind) == ("training", None, "promoted")


def test_epochs_that_are_told_again_after_a_new_start_count_once() -> None:
    progress = told(search(), *trial(0, 100.0)[:6], search(at_s=200.0), of("training", 210.0, 0, epoch=3))
    assert progress.n_epochs == 3
    for event in (epoch(211.0, 0, 1), epoch(211.0, 0, 3), epoch(212.0, 0, 4)):
        progress.add(event)
    assert progress.n_epochs == 4


def test_what_was_under_way_is_interrupted_when_the_stage_begins_again_and_taken_up() -> None:
    waiting = [*trial(1, 100.0)[:4], of("paused", 103.0, 1, epoch=1)]
    progress = told(search(), *trial(0, 100.0)[:4], *waiting, search(at_s=200.0))
    assert progress.counts() == {"interrupted": 1, "waiting": 1}
    progress.add(of("training", 201.0, 0, epoch=1))
    assert progress.trials[0].marks[-1].kind == "resumed"


def test_an_end_that_is_told_twice_is_one_end() -> None:
    progress = told(search(), *trial(0, 100.0), of("trial_ended", 200.0, 0, status="complete", epoch=3))
    assert progress.n_done == 1


def test_epochs_per_second_are_those_of_the_last_minutes() -> None:
    progress = told(search(), epoch(110.0, 0, 100))
    assert progress.epochs_per_s() == pytest.approx(10.0)  # 100 epochs in the 10 s since the stage began
    for event in (epoch(1000.0, 0, 160), epoch(1100.0, 0, 190)):
        progress.add(event)
    assert progress.epochs_per_s() == pytest.approx(90 / 300)
    assert Progress().epochs_per_s() is None


def test_epochs_count_once_whoever_tells_of_them() -> None:
    def ended(at_s: float, name: str, number: int | None, epoch: int) -> Event:
        return of("network_ended", at_s, number, model_id=name, status="complete", epoch=epoch)

    first, second = trial(0, 100.0), trial(1, 200.0)
    progress = told(search(), *first[:-1], ended(103.0, "student-a", 0, 3), ended(103.0, "paper-a", 0, 10), first[-1],
                    *second[:-1], ended(203.0, "student-b", 1, 5), ended(203.0, "paper-a", 1, 10), second[-1],
                    ended(300.0, "student-c", None, 7))  # fmt: skip
    ends = [progress.trials[0].ended_at, progress.trials[1].ended_at, progress.n_events]
    assert progress.n_epochs_at(ends).tolist() == [13, 18, 25]
    assert progress.n_epochs == 25


def test_time_left_is_that_of_the_trials_left_and_then_the_confirmation() -> None:
    progress = told(search(), *trial(0, 100.0, 10), *trial(1, 120.0, 10))
    left = time_left(progress, BUDGET, 130.0)
    # 2 trials in 30 s, 2 are left; 20 epochs in 30 s, 180 are left
    assert left.seconds == pytest.approx(30.0 + 180 * 30 / 20)
    assert left.how.startswith("2 trials in 30 s, 2 of 4 left; then at most 180 epochs of confirmation at 0.667")


def test_trials_that_wait_count_and_refused_ones_do_not() -> None:
    refused = [event for number in (1, 3) for event in trial(number, 100.0, 0, "infeasible")]
    progress = told(search(), *trial(0, 100.0, 3), *refused, *trial(2, 104.0)[:4],
                    of("paused", 110.0, 2, epoch=1))  # fmt: skip
    assert time_left(progress, BUDGET, 110.0).how.startswith("2 trials in 10 s, 2 of 4 left")


def test_only_what_was_done_since_the_stage_began_again_tells_the_speed() -> None:
    progress = told(search(), *trial(0, 100.0), *trial(1, 105.0), search(at_s=1000.0), *trial(2, 1010.0, 10))
    left = time_left(progress, BUDGET, 1020.0)
    assert left.how.startswith("1 trial in 20 s, 1 of 4 left")


def test_a_search_that_goes_on_waits_for_another_trial() -> None:
    assert time_left(told(search()), BUDGET, 101.0).how == "known when the first of 4 trials has ended"
    progress = told(search(), *trial(0, 100.0), search(at_s=1000.0))
    assert time_left(progress, BUDGET, 1001.0).how == "known when another trial has ended"


def test_time_left_of_the_confirmation_is_that_of_its_networks() -> None:
    ended = of("network_ended", 220.0, model_id="a", status="complete", epoch=30, stage="confirm")
    progress = told(search(), *trial(0, 100.0), of("stage_ended", 199.0, stage="search"),
                    of("stage_began", 200.0, stage="confirmation", n_planned=5), ended)  # fmt: skip
    assert time_left(progress, BUDGET, 220.0).seconds == pytest.approx(4 * 20.0)


def test_the_liquid_has_networks_of_its_own() -> None:
    trained = of("network_ended", 150.0, model_id="a", status="complete", epoch=30, stage="confirm")
    began = of("stage_began", 200.0, stage="liquid", n_planned=5)
    ended = [of("liquid_ended", 200.0 + 30 * n, model_id=name, seconds=30.0) for n, name in ((1, "a"), (2, "b"))]
    progress = told(trained, began, *ended)
    assert progress.n_done == 2
    assert time_left(progress, BUDGET, 260.0) == TimeLeft(90.0, "2 networks in 60 s, 3 of 5 left")
    assert told(trained, began, *ended, of("stage_ended", 260.0, stage="liquid"), began).n_done == 0


def test_time_left_is_not_made_up() -> None:
    assert time_left(Progress(), BUDGET, 0.0).seconds is None
    teacher = told(of("stage_began", 0.0, stage="teacher", n_planned=1))
    assert time_left(teacher, BUDGET, 50.0) == TimeLeft(None, "known when the search has begun")
    assert "first of 4 trials" in time_left(told(search()), BUDGET, 110.0).how
    unlimited = StudyBudget(None, None, None, 6, 30)
    assert time_left(told(search(None), *trial(0, 100.0)), unlimited, 110.0).seconds is None


def test_the_nearest_limit_of_the_search_counts() -> None:
    hours = StudyBudget(None, 1.0, None, 0, 0)
    progress = told(search(None), *trial(0, 100.0), search(None, 5000.0), epoch(5060.0, 0, 63))
    # 3 s before the run was killed and 60 s after, not the time in between
    assert time_left(progress, hours, 5060.0).seconds == pytest.approx(3600 - 63)
    epochs = StudyBudget(None, 1.0, 123, 0, 0)
    assert time_left(progress, epochs, 5060.0).how.startswith("60 epochs left at 1 epochs/s")


def test_epochs_of_the_confirmation_are_not_of_the_searchs_budget() -> None:
    confirmation = [
        of("stage_ended", 110.0, stage="search"),
        of("stage_began", 110.0, stage="confirmation", n_planned=1),
        of("network_ended", 120.0, model_id="student-b", stage="confirm", status="complete", epoch=500),
        of("stage_ended", 120.0, stage="confirmation"),
    ]
    extended = [search(None, 200.0), *trial(1, 200.0)]
    progress = told(search(None), *trial(0, 100.0), *confirmation, *extended)
    left = time_left(progress, StudyBudget(None, None, 106, 0, 0), 203.0)
    assert progress.n_epochs == 506
    assert left.how.startswith("100 epochs left")


def test_a_run_is_dead_when_its_process_is_gone_in_the_middle_of_a_stage() -> None:
    progress = told(search(), *trial(0, 100.0))
    assert run_state(progress, "alive", 110.0).kind == "running"
    assert run_state(progress, "gone", 104.0).text == "stopped in the search: its process is gone"
    dead = run_state(progress, "gone", 103.0 + 720.0)
    assert (dead.kind, dead.text) == ("dead", "stopped in the search: its process is gone; no event for 12 min")


def test_a_silence_is_a_sign_of_death_only_where_the_process_cannot_be_seen() -> None:
    progress = told(search(), *trial(0, 100.0))
    now = 103.0 + 720.0
    assert run_state(progress, "unknown", now).text == "no event for 12 min: the run seems dead"
    assert run_state(progress, "alive", now).text == "no event for 12 min, but its process lives"
    assert run_state(progress, "unknown", 130.0).kind == "running"
    teacher = told(of("stage_began", 100.0, stage="teacher", n_planned=1))
    assert run_state(teacher, "unknown", now).kind == "quiet"


def test_a_silence_that_is_usual_in_this_run_is_none() -> None:
    progress = told(search(), *(epoch(100.0 + 60.0 * n, 0, n) for n in range(1, 10)))
    assert progress.quiet_after_s() == pytest.approx(1200.0)
    assert run_state(progress, "unknown", 640.0 + 1100.0).kind == "running"


def test_a_run_has_ended_when_no_stage_is_under_way_and_its_process_is_gone() -> None:
    progress = told(search(), *trial(0, 100.0), of("stage_ended", 110.0, stage="search"))
    assert run_state(progress, "alive", 111.0).text == "between two stages"
    assert run_state(progress, "gone", 111.0).text == "ended after the search"
    assert run_state(progress, "unknown", 110.0 + 301.0).kind == "ended"
    assert run_state(Progress(), "unknown", 0.0).kind == "nothing"
    assert run_state(Progress(), "alive", 0.0).kind == "running"


def test_durations_are_short() -> None:
    assert [duration(s) for s in (12, 720, 12240)] == ["12 s", "12 min", "3.4 h"]
    assert math.isnan(Progress().last_at_s)
