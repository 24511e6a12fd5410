import pandas as pd
import pytest

from pareto_search.analysis.timeline import StageTime, active_seconds, stage_times
from pareto_search.records import EVENT_COLUMNS, Event


def frame(*events: Event) -> pd.DataFrame:
    rows = pd.DataFrame([event.__dict__ for event in events], columns=list(EVENT_COLUMNS))
    return rows.astype({"trial_id": "Int64", "epoch": "Int64"})


SEARCH = frame(
    Event("stage_began", at_s=0.0, stage="teacher", n_planned=1),
    Event("stage_ended", at_s=30.0, stage="teacher"),
    Event("stage_began", at_s=40.0, stage="search"),
    Event("trial_began", at_s=40.0, trial_id=0),
    Event("costs_known", at_s=44.0, trial_id=0, seconds=4.0),
    Event("training", at_s=45.0, trial_id=0),
    Event("training", at_s=50.0, trial_id=1),
    Event("paused", at_s=55.0, trial_id=0, epoch=5),
    Event("training", at_s=56.0, trial_id=0),
    # killed, and begun again after a night
    Event("stage_began", at_s=1000.0, stage="search"),
    Event("training", at_s=1001.0, trial_id=0),
    Event("trial_ended", at_s=1011.0, trial_id=0, status="complete"),
    Event("stage_ended", at_s=1012.0, stage="search"),
    Event("stage_began", at_s=1013.0, stage="confirmation", n_planned=2),
    Event("network_ended", at_s=1023.0, stage="confirm", model_id="a", seconds=8.0),
    Event("network_ended", at_s=1024.0, stage="confirm", model_id="b", seconds=9.0),
    Event("stage_ended", at_s=1024.0, stage="confirmation"),
    Event("network_ended", at_s=2000.0, stage="confirm", model_id="after the end", seconds=500.0),
)


def test_time_is_told_apart_by_stage_and_use() -> None:
    teacher, search, confirmation = stage_times(SEARCH)
    assert teacher == StageTime("teacher", 30.0, 1, 30.0, 0.0)
    # stints: 45-55 and 50-56, one of no length that the kill cut, and 1001-1011
    assert search == StageTime("search", 16.0 + 12.0, 2, 10.0 + 6.0 + 0.0 + 10.0, 2 * 4.0)
    assert search.waiting_s == 2 * 28.0 - 26.0 - 8.0
    assert confirmation == StageTime("confirmation", 11.0, 2, 17.0, 0.0)


def test_workers_have_no_more_time_than_there_is() -> None:
    events = frame(
        Event("stage_began", at_s=0.0, stage="search"),
        Event("costs_known", at_s=10.0, trial_id=0, seconds=10.0),
        Event("training", at_s=10.0, trial_id=0),
        Event("costs_known", at_s=20.0, trial_id=1, seconds=20.0),  # asked for at once, and had to wait
        Event("training", at_s=20.0, trial_id=1),
        Event("costs_known", at_s=30.0, trial_id=2, seconds=20.0),  # while both trained
        Event("trial_ended", at_s=40.0, trial_id=0, status="complete"),
        Event("trial_ended", at_s=50.0, trial_id=1, status="complete"),
        Event("stage_ended", at_s=50.0, stage="search"),
    )
    (search,) = stage_times(events)
    assert search == StageTime("search", 50.0, 2, 30.0 + 30.0, 2 * 10.0 + 10.0)
    assert search.waiting_s == 10.0


def test_the_time_between_a_kill_and_the_next_run_is_not_counted() -> None:
    seconds = active_seconds(SEARCH)
    by_time = dict(zip(SEARCH["at_s"], seconds, strict=True))
    assert by_time[30.0] == 30.0
    assert by_time[56.0] == pytest.approx(46.0)
    assert by_time[1012.0] == pytest.approx(58.0)
    assert seconds.is_monotonic_increasing


def test_a_clock_that_is_set_back_takes_no_time_away() -> None:
    events = frame(
        Event("stage_began", at_s=100.0, stage="search"),
        Event("training", at_s=160.0, trial_id=0),
        Event("paused", at_s=20.0, trial_id=0),
        Event("trial_ended", at_s=30.0, trial_id=0),
    )
    assert active_seconds(events).tolist() == [0.0, 60.0, 60.0, 70.0]
    (search,) = stage_times(events)
    assert search == StageTime("search", 70.0, 0, 0.0, 0.0)


def test_no_events_no_stages() -> None:
    assert stage_times(frame()) == []
    assert len(active_seconds(frame())) == 0
