import gc
import itertools
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dash import no_update

from pareto_search.analysis.front import RunningFront, volume_of
from pareto_search.analysis.progress import Progress
from pareto_search.analysis.time_left import RunState, StudyBudget
from pareto_search.config import HipnnArchitecture
from pareto_search.objectives import objectives_named
from pareto_search.records import Event
from pareto_search.report.figures.quantities import FORCE, MEMORY, STEP_TIME
from pareto_search.report.live.app import OUTPUTS, PARTS, make_app, output_values, refreshed
from pareto_search.report.live.board import HEAVY, Board
from pareto_search.report.live.followed_run import FollowedRun
from pareto_search.report.live.progress_cards import progress_cards
from pareto_search.report.live.progress_tables import costs_table, failures_table, trials_table
from pareto_search.report.live.study_figures import front_figure, volume_figure
from pareto_search.report.live.trial_catalogue import TrialCatalogue
from pareto_search.report.live.trial_curves import drawn_trials, trials_figure
from pareto_search.report.tables import make_tables
from tests.report import live_study, synthetic

SHAPE = (12, 8, 1)
BEGAN = Event("stage_began", at_s=0.0, stage="search", n_planned=10)


def told(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress.add(event)
    return progress


def paused_and_promoted() -> Progress:
    """Trial 0 is paused, promoted and pruned; trial 1 is paused; trial 2 trains; trial 3 has failed."""
    events = [BEGAN]
    for number in range(4):
        events += live_study.trial_events(number, 10.0 * number, SHAPE, 9)[:6]  # epochs 1, 3 and 5
    pauses = [
        Event("paused", at_s=70.0 + number, trial_id=number, epoch=5, text="not among the best") for number in (0, 1)
    ]
    return told(
        *events, *pauses, Event("training", at_s=80.0, trial_id=0, epoch=5),
        Event("trial_ended", at_s=81.0, trial_id=0, status="pruned", epoch=5, text="not among the best"),
        Event("trial_ended", at_s=82.0, trial_id=3, status="failed", epoch=5, text="signal 9 <killed>"),
    )  # fmt: skip


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [STEP_TIME, MEMORY])
def test_points_of_the_front_name_the_network_that_lies_there(quantity) -> None:
    data = synthetic.report_input(factors={"paper": 1.0, "ablation": 0.9}, n_search=10)  # ablation as good as students
    tables = make_tables(data)
    figure = front_figure(tables, quantity)
    models = data.models.set_index("model_id")
    n_points = 0
    for trace in figure.data:
        if trace.mode != "markers" or trace.customdata is None:
            continue
        assert "" not in trace.customdata
        rows = models.loc[list(trace.customdata)]
        assert quantity.values(rows) == pytest.approx(np.array(trace.x))
        assert set(rows["role"].map({"student": "#0072B2"}).dropna()) <= {trace.marker.color}
        n_points += len(rows)
    assert n_points == len(tables.networks) + len(tables.search)
    assert len({trace.uid for trace in figure.data}) == len(figure.data)  # though all of the search have one name
    assert FORCE.values(tables.networks).size == 1 + 8 * 3


@pytest.mark.parametrize(("n_search", "is_crowd"), [(20, False), (300, True)])
def test_a_crowd_is_drawn_with_small_points_and_all_of_them(n_search: int, is_crowd: bool) -> None:
    tables = make_tables(synthetic.report_input(n_search=n_search, ladder=()))
    figure = front_figure(tables, STEP_TIME)
    students, pairs = traces(figure)["Students"], traces(figure)["Same architecture"]
    assert len(students.x) == len(tables.of_role("student"))
    assert (students.marker.size, pairs.visible) == ((5, False) if is_crowd else (9, None))
    assert traces(figure)["Teacher"].marker.size == 15


def test_curves_are_drawn_by_state_and_decisions_where_they_were_made() -> None:
    progress = paused_and_promoted()
    found = traces(trials_figure(progress.trials.values(), lambda trial: f"<{trial.number}>"))
    assert set(found) == {"Pruned", "Failed", "Waiting at a rung", "Training", "Paused", "Promoted"}
    assert list(found["Training"]["x"]) == [1, 3, 5, None]
    assert set(found["Training"]["customdata"]) == {2}
    assert sorted(found["Paused"]["customdata"]) == [0, 1]
    assert list(found["Promoted"]["customdata"]) == [0]
    error = 1e3 * progress.trials[0].errors[5]
    assert found["Paused"]["y"][0] == pytest.approx(error)
    assert "not among the best" in found["Paused"]["text"][0]
    assert "&lt;0&gt;" in found["Paused"]["text"][0]


def test_all_trials_that_train_are_drawn_and_the_last_of_those_that_have_ended() -> None:
    events = [event for number in range(60) for event in live_study.trial_events(number, 100.0 * number, SHAPE, 3)]
    events += live_study.trial_events(99, 0.0, SHAPE, 3)[:-1]
    numbers = [trial.number for trial in drawn_trials(told(BEGAN, *events).trials.values())]
    assert numbers == [*range(20, 60), 99]


def test_of_thousands_that_wait_at_a_rung_the_last_are_drawn() -> None:
    events = [event for number in range(60) for event in live_study.trial_events(number, 100.0 * number, SHAPE, 3)[:-1]]
    pauses = [Event("paused", at_s=9000.0 + number, trial_id=number, epoch=3) for number in range(58)]
    numbers = [trial.number for trial in drawn_trials(told(BEGAN, *events, *pauses).trials.values())]
    assert numbers == [*range(18, 58), 58, 59]


MINIMISED = objectives_named(("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"))


def test_volumes_so_far_are_those_of_the_points_until_then() -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform(0.5, 1.2, (60, 3))
    points[[7, 20], 1] = [np.nan, np.inf]
    expected = [volume_of(points[: n + 1], MINIMISED, (1.0, 1.0, 1.0)) for n in range(60)]
    assert RunningFront(MINIMISED, (1.0, 1.0, 1.0)).volumes(points) == pytest.approx(np.array(expected))
    assert RunningFront(MINIMISED, (1.0, 1.0, 1.0)).volumes(np.zeros((0, 3))).tolist() == []


def test_hypervolume_grows_with_the_epochs_that_the_journal_tells() -> None:
    models = make_tables(synthetic.report_input(n_search=8)).models
    n_epochs = np.where(models["role"] == "teacher", np.nan, 100.0 * np.arange(len(models)))
    found = traces(volume_figure(models, n_epochs))
    assert set(found) == {"Students", "Controls (paper)"}
    for trace in found.values():
        assert (np.diff(trace["x"]) > 0).all()
        assert (np.diff(trace["y"]) >= 0).all()
        row = models.loc[models["model_id"] == trace["customdata"][0]].index[0]
        assert trace["x"][0] == 100.0 * row
    assert trace["y"][-1] > 0


def test_hypervolume_without_a_journal_counts_the_networks_own_epochs() -> None:
    models = make_tables(synthetic.report_input(n_seeds=1)).models
    found = traces(volume_figure(models, np.full(len(models), np.nan)))
    assert found["Students"]["x"][0] == 240  # the teacher's epochs do not count
    assert found["Students"]["x"][-1] <= 240 * (len(models) - 1)


def test_nothing_yet_is_said_in_the_figures() -> None:
    nothing = make_tables(live_study_input())
    for figure in (front_figure(nothing, STEP_TIME), volume_figure(nothing.models, []), trials_figure([], str)):
        assert "yet" in figure.layout.annotations[0].text


def live_study_input() -> Any:
    data = synthetic.report_input(n_seeds=1)
    return type(data)(config=None, models=pd.DataFrame(), curves=pd.DataFrame(), costs=[])


# --- tables -----------------------------------------------------------------------------------------------------------


def catalogue(tmp_path: Path) -> TrialCatalogue:
    run = FollowedRun(live_study.begin(tmp_path / "run"))
    (tmp_path / "run" / "costs").mkdir(exist_ok=True)
    cost = live_study.cost(SHAPE).to_plain()
    (tmp_path / "run" / "costs" / "a.json").write_text(json.dumps(cost))
    run.refresh()
    return TrialCatalogue(run.config, run.costs)


def test_trials_that_train_come_first_with_what_is_known_of_them(tmp_path: Path) -> None:
    table = trials_table(paused_and_promoted(), catalogue(tmp_path))
    assert [row.cells[0] for row in table.rows] == ["2", "3", "0", "1"]
    assert [row.tag for row in table.rows] == ["training", "failed", "pruned", "waiting"]
    training = table.rows[0]
    assert training.chooses == ("trial", "2")
    assert training.cells[2:4] == ("12/8/1", "5")
    assert training.cells[5:7] == ("6.29", "96\u202f292")  # known before it has ended
    assert table.rows[3].cells[-1] == "not among the best"
    assert trials_table(paused_and_promoted(), catalogue(tmp_path / "."), 2).note == "the newest 2 of 4 trials"


def test_parameters_that_fit_no_architecture_are_shown_without_one(tmp_path: Path) -> None:
    progress = told(Event("trial_began", at_s=0.0, trial_id=0, text='{"n_features": 12}'))
    assert trials_table(progress, catalogue(tmp_path)).rows[0].cells[2] == "–"
    assert trials_table(progress, TrialCatalogue(None, {})).rows[0].cells[2] == "–"


def test_failures_are_told_once_with_their_reason() -> None:
    progress = paused_and_promoted()
    ended = Event("network_ended", at_s=90.0, stage="confirm", model_id="c1", status="failed", text="out of memory")
    progress.add(ended)
    failed = {"stage": "search", "role": "student", "status": "failed"}
    records = [
        live_study.record(synthetic.row("t3-student", SHAPE, trial_id=3, reason="signal 9", **failed)),
        live_study.record(synthetic.row("t9-control", SHAPE, trial_id=9, **{
            **failed, "role": "control", "control_kind": "paper", "status": "diverged", "reason": "non-finite"})),
        live_study.record(synthetic.row("c1", SHAPE, **{**failed, "stage": "confirm", "reason": "out of memory"})),
        live_study.record(synthetic.row("fine", SHAPE, stage="confirm", role="student")),
    ]  # fmt: skip
    table = failures_table(progress, records)
    assert [(row.cells[0], row.cells[-1]) for row in table.rows] == [
        ("c1", "out of memory"), ("trial 3", "signal 9 <killed>"), ("t9-control", "non-finite"),
    ]  # fmt: skip


def test_costs_are_ordered_and_cut() -> None:
    records = {cost.architecture_key: cost for cost in map(live_study.cost, reversed(synthetic.LADDER))}
    teacher = HipnnArchitecture(n_features=12, n_sensitivities=16, n_atom_layers=2)
    table = costs_table(records, teacher, 3)
    assert [row.cells[0] for row in table.rows] == ["12/8/1", "12/16/2 (teacher)", "16/20/2"]
    assert table.note == "the cheapest 3 of 8 architectures"
    assert table.rows[0].cells[3:5] == ("6.29", "6.20 – 6.42")


def test_cards_say_where_the_run_stands() -> None:
    budget = StudyBudget(10, None, None, 6, 30)
    progress = paused_and_promoted()
    texts = {card.name: (card.value, card.detail) for card in progress_cards(
        progress, RunState("running", ""), budget, 122.0, {"complete": 3, "failed": 1})}  # fmt: skip
    assert texts["stage"] == ("search", "for 2 min, 10 planned")
    assert texts["trials"] == ("2 ended", "1 training, 1 at a rung, 1 pruned, 1 failed")
    assert texts["networks"] == ("4", "3 complete, 1 failed")
    assert texts["epochs"][0] == "20"
    assert texts["last"] == ("40 s ago", "trial 3: failed")
    assert texts["left"][1].startswith("3 trials in 2 min, 7 of 10 left; then at most 180 epochs")
    began = progress_cards(Progress(), RunState("running", ""), budget, 0.0, {})
    assert [card.value for card in began] == ["beginning", "0 ended", "0", "0", "–", "–"]
    dead = {card.name: card for card in progress_cards(progress, RunState("dead", ""), budget, 900.0, {})}
    assert (dead["left"].value, dead["stage"].tone) == ("–", "bad")
    assert "1 interrupted" in dead["trials"].detail


# --- the board and its callback ---------------------------------------------------------------------------------------


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr("pareto_search.report.live.board._FRESH_S", 0.0)
    monkeypatch.setattr("pareto_search.report.live.board.DRAWING_S", 60.0)
    folder = live_study.begin(tmp_path / "run")
    live_study.tell(folder, BEGAN, *live_study.trial_events(0, 10.0, SHAPE, 9))
    student = {"stage": "search", "role": "student"}
    live_study.store(folder, [
        synthetic.row("teacher", synthetic.TEACHER, stage="teacher", role="teacher", error=0.036),
        synthetic.row("s0", SHAPE, trial_id=0, **student),
    ])  # fmt: skip
    return Board(FollowedRun(folder, clock=itertools.count(60).__next__))


def folder_of(board: Board) -> Path:
    return board._run.directory.path


def test_only_parts_that_have_changed_are_sent(board: Board) -> None:
    first = board.update({})
    assert set(first) == {"head", "cards", "trials", "failures", "costs", "details", *HEAVY} - {"tables"}
    seen = {name: part.version for name, part in first.items()}
    assert set(board.update(seen)) == {"cards"}
    live_study.tell(folder_of(board), *live_study.trial_events(1, 60.0, SHAPE, 9)[:-1])
    assert set(board.update(seen)) == {"cards", "trials", "failures", "curves"}
    live_study.store(folder_of(board), [synthetic.row("s1", SHAPE, trial_id=1, stage="search", role="student")])
    changed = board.update(seen)
    assert set(changed) == {"cards", "trials", "failures", "curves", "front_speed", "front_memory", "volume"}
    assert len(traces(changed["front_speed"].content)["Students"]["x"]) == 1  # one architecture


def test_drawing_is_spread_over_refreshes(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pareto_search.report.live.board.DRAWING_S", 0.0)
    seen: dict[str, str] = {}
    drawn = []
    for _ in range(5):
        parts = board.update(seen)
        drawn.append([name for name in parts if name in HEAVY])
        seen |= {name: part.version for name, part in parts.items()}
    assert drawn == [[], ["front_speed"], ["curves"], ["front_memory"], ["volume"]]


def test_details_are_made_of_what_is_chosen_and_again_when_it_changes(board: Board) -> None:
    details, figure = board.update({}, ("trial", "0"))["details"].content
    assert details.title == "Trial 0"
    facts = {title: dict(pairs) for title, pairs in details.facts}
    assert facts["Parameters"] == {"n_features": "12", "n_sensitivities": "8", "n_atom_layers": "1"}
    assert facts["Student"]["model_id"] == "s0"
    assert [name for name, _ in details.others] == ["s0"]
    assert len(traces(figure)["Validation, as reported"]["x"]) == 5
    seen = {name: part.version for name, part in board.update({}, ("trial", "0")).items()}
    assert "details" not in board.update(seen, ("trial", "0"))
    live_study.tell(folder_of(board), Event("epoch", at_s=99.0, trial_id=0, epoch=11, valid_force_rmse_ev_per_ang=0.1))
    assert len(traces(board.update(seen, ("trial", "0"))["details"].content[1])["Validation, as reported"]["x"]) == 6

    details, _ = board.update({}, ("network", "teacher"))["details"].content
    assert details.title == "teacher"
    for nobody in (("trial", "77"), ("trial", "x"), ("network", "nobody"), None):
        assert board.update({}, nobody)["details"].content is None


def values_of(outputs: tuple[Any, ...]) -> dict[str, Any]:
    names = [f"{component}.{prop}" for name in PARTS for component, prop in OUTPUTS[name]]
    return dict(zip(names, outputs[:-1], strict=True))


def test_the_callback_fills_every_output_and_then_only_what_has_changed(board: Board) -> None:
    first = refreshed(board, {}, {})
    assert no_update not in first
    values = values_of(first)
    assert (values["name.children"], values["state.className"]) == ("followed", "state running")
    assert values["drawer.hidden"] is True
    second = values_of(refreshed(board, {}, first[-1]))
    assert {name for name, value in second.items() if value is not no_update} == {"cards.children", "cards.data-at"}


def test_a_choice_opens_the_drawer_and_marks_the_row(board: Board) -> None:
    seen = refreshed(board, {}, {})[-1]
    outputs = refreshed(board, {"kind": "trial", "name": "0"}, seen)
    values = values_of(outputs)
    assert values["drawer.hidden"] is False
    assert "choose chosen" in json.dumps(values["trials.children"], default=lambda part: part.to_plotly_json())
    values = values_of(refreshed(board, {"kind": "", "name": ""}, outputs[-1]))
    assert values["drawer.hidden"] is True
    assert "chosen" not in json.dumps(values["trials.children"], default=lambda part: part.to_plotly_json())


def test_figures_say_the_same_about_what_a_reader_may_change(board: Board) -> None:
    """Otherwise his zoom would be lost, and what he has hidden be shown."""
    before = {name: part.content for name, part in board.update({}).items() if name in HEAVY}
    shapes = [(16, 8, 1), (64, 32, 3)]
    live_study.tell(folder_of(board), *live_study.trial_events(1, 60.0, SHAPE, 27))
    live_study.store(folder_of(board), [
        synthetic.row(f"s{n}", shape, stage="search", role="student", trial_id=1) for n, shape in enumerate(shapes)
    ])  # fmt: skip
    after = {name: part.content for name, part in board.update({}).items() if name in HEAVY}
    assert set(before) == set(after) == set(HEAVY) - {"tables"}
    for name, figure in after.items():
        old = before[name]
        assert figure.layout.uirevision == old.layout.uirevision is not None
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert (axis.range, axis.autorange) == (None, True)
            assert axis.autorangeoptions.minallowed < axis.autorangeoptions.maxallowed
        names = {trace.uid for trace in figure.data}
        assert all(re.fullmatch(r"[A-Za-z][\w-]*", name, re.ASCII) for name in names)  # Plotly makes classes of them
        assert {trace.uid for trace in old.data} <= names
        assert len(names) == len(figure.data)
    assert after["curves"].layout.xaxis.autorangeoptions != before["curves"].layout.xaxis.autorangeoptions


def test_the_page_sends_nothing_elsewhere(board: Board) -> None:
    client = make_app(board).server.test_client()
    answer = client.get("/")
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "//" not in page.replace("https://www.w3.org", "").split("<body>")[0].split("<style>")[0]
    layout = json.dumps(client.get("/_dash-layout").get_json())
    assert layout.count('"showSendToCloud": false') == 4


@pytest.mark.slow
def test_two_thousand_networks_are_kept_up_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pareto_search.report.live.board._FRESH_S", 0.0)
    folder = live_study.fill(tmp_path / "run", 1000)
    board = Board(FollowedRun(folder))
    seen: dict[str, str] = {}
    for _ in range(6):
        seen = refreshed(board, {}, seen)[-1]
    took, drawn = [], set()
    gc.collect()
    gc.freeze()  # nor is what other tests left for the collector to look through
    for number in range(1000, 1010):
        live_study.tell(folder, *live_study.trial_events(number, 1e4 + number, SHAPE))
        live_study.store(folder, [synthetic.row(f"s{number}", SHAPE, trial_id=number, stage="search", role="student")])
        began = time.process_time()  # other work on the machine is no concern of this test
        outputs = refreshed(board, {"kind": "trial", "name": str(number)}, seen)
        took.append(time.process_time() - began)
        drawn |= {name for name in outputs[-1] if outputs[-1][name] != seen.get(name)}
        seen = outputs[-1]
    gc.unfreeze()
    assert drawn >= {"cards", "trials", "front_speed", "front_memory", "curves", "volume", "details"}
    assert max(took) < 0.9  # 0.25 s where this was written
    assert board._run.progress.trials[1009].state == "complete"


def test_readers_who_ask_at_the_same_moment_get_numbers_of_their_own() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns in the middle of everything
    try:
        with ThreadPoolExecutor(8) as readers:
            found = readers.map(lambda _: [output_values("cards", [], "")[1] for _ in range(3000)], range(8))
            answers = [number for numbers in found for number in numbers]
    finally:
        sys.setswitchinterval(before)
    assert len(set(answers)) == len(answers)
