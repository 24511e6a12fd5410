from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT

from pareto_search.cluster import liquid_stage
from pareto_search.cluster.liquid_stage import LiquidStage
from pareto_search.config import ClusterSettings, ExternalTeacher, LiquidSettings
from pareto_search.errors import MeasurementError
from pareto_search.journal import Journal
from pareto_search.measure.liquid import liquid_crystal
from pareto_search.measure.liquid_files import LiquidFolder
from pareto_search.networks.liquid_work import LiquidJob, LiquidWork
from pareto_search.store import ResultStore
from tests.test_store import CONTROL, TEACHER

SETTINGS = LiquidSettings(
    n_atoms=32, n_steps_melt=250, n_steps_equilibration=4, n_steps_sampling=16, n_steps_between_frames=2,
    n_steps_nve=4, r_max_ang=4.0, n_bins=40, n_blocks=2, min_distance_fraction=0.1, max_temperature_factor=30,
)  # fmt: skip
NAMES = ("teacher-1", "a", "b")


class Scaled(EMT):
    """EMT whose forces are a multiple of its own."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def calculate(self, *args: Any, **kwargs: Any) -> None:
        super().calculate(*args, **kwargs)
        self.results["forces"] = self.results["forces"] * self.factor


@dataclass(frozen=True)
class EmtWork(LiquidWork):
    """Every network is EMT; its weights are a factor of the forces."""

    def _calculator(self, job: LiquidJob) -> Calculator:
        return Scaled(float((job.folder / "weights.npz").read_text()))


@dataclass
class Place:
    """A run with a teacher and two networks."""

    path: Path
    store: ResultStore
    jobs: list[LiquidJob]
    asked: list[str]
    events: list[Any]

    def run(self, settings: LiquidSettings = SETTINGS) -> None:
        work = EmtWork(
            settings=settings, crystal=liquid_crystal(bulk("Al", cubic=True), settings), teacher=self.jobs[0],
            results=LiquidFolder(self.path / "liquid"), device="cpu", n_threads=1, skin_ang=0.5,
            gate=SimpleNamespace(training=nullcontext),  # type: ignore[arg-type]
        )  # fmt: skip
        self.asked.clear()
        stage = LiquidStage(work, ClusterSettings(), "study", self.path, self.store, Journal([self.events.append]))
        stage.run(self.jobs, lambda: self.asked.append("ray"))

    def column(self, name: str) -> list[float | None]:
        return [getattr(self.store.get(model_id), name) for model_id in NAMES]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    asked: list[str] = []

    def run_here(*, shared: Any, jobs: list[Any], job: Callable[..., Any], on_result: Any, **rest: Any) -> None:
        for one in jobs:
            asked.append(one.model_id)
            if (one.folder / "weights.npz").read_text() == "lost":
                on_result(one, None, "its worker process died")
            else:
                on_result(one, job(shared, one), None)

    monkeypatch.setattr(liquid_stage, "run_jobs", run_here)
    monkeypatch.setattr("pareto_search.networks.liquid_work.prepare_torch", lambda n_threads: None)
    jobs = []
    with ResultStore(tmp_path / "r.sqlite") as store:
        for name, role, weights in zip(NAMES, ("teacher", "student", "control"), ("1.0", "1.01", "0.5"), strict=True):
            store.put(replace(TEACHER if role == "teacher" else CONTROL, model_id=name), [])
            (tmp_path / name).mkdir()
            (tmp_path / name / "weights.npz").write_text(weights)
            jobs.append(LiquidJob(name, role, tmp_path / name))
        yield Place(tmp_path, store, jobs, asked, [])


def test_the_teacher_is_first_and_all_start_where_it_ended(place: Place) -> None:
    place.run()
    assert place.asked == ["ray", "teacher-1", "a", "b"]
    assert place.column("md_stable_ps") == [pytest.approx(24 * 2e-3)] * 3
    errors = place.column("rdf_error")
    assert errors[0] is None
    assert all(error is not None and error > 0 for error in errors[1:])
    assert None not in place.column("nve_drift_ev_per_atom_ps")
    kinds = [(event.kind, event.model_id, event.status) for event in place.events]
    assert kinds == [
        ("stage_began", None, None), *(("liquid_ended", name, "complete") for name in NAMES),
        ("stage_ended", None, None),
    ]  # fmt: skip
    assert [event.seconds > 0 for event in place.events[1:-1]] == [True] * 3
    results = [LiquidFolder(place.path / "liquid").read(name) for name in NAMES]
    assert len({result.protocol for result in results if result is not None}) == 1


def test_what_is_done_is_not_done_again(place: Place) -> None:
    place.run()
    before = place.column("rdf_error")
    place.events.clear()
    place.run()
    assert (place.asked, place.events) == ([], [])
    assert place.column("rdf_error") == before
    (place.path / "liquid" / "a.json").unlink()
    place.run()
    assert place.asked == ["ray", "a"]
    assert place.column("rdf_error") == before
    (place.path / "b" / "weights.npz").write_text("0.6")
    place.run()
    assert place.asked == ["ray", "b"]
    assert place.column("rdf_error")[2] != before[2]


@pytest.mark.parametrize("change", ["settings", "teacher"])
def test_another_protocol_begins_anew(place: Place, change: str) -> None:
    place.run()
    before = place.column("rdf_error")
    if change == "teacher":
        (place.path / "teacher-1" / "weights.npz").write_text("1.1")
    place.run(SETTINGS.model_copy(update={"seed": 1}) if change == "settings" else SETTINGS)
    assert place.asked == ["ray", "teacher-1", "a", "b"]
    assert not np.isclose(np.array(place.column("rdf_error")[1:], float), np.array(before[1:], float)).any()


def test_a_network_that_blows_up_has_no_error_but_a_time(place: Place) -> None:
    (place.path / "a" / "weights.npz").write_text("nan")
    place.run()
    assert place.column("rdf_error")[1] is None
    assert place.column("md_stable_ps")[1] < 24 * 2e-3
    assert place.column("rdf_error")[2] is not None
    assert [event.text for event in place.events if event.model_id == "a"] == ["its energy became non-finite"]


def test_a_teacher_without_liquid_ends_it_once(place: Place) -> None:
    (place.path / "teacher-1" / "weights.npz").write_text("nan")
    for asked in (["ray", "teacher-1"], []):
        with pytest.raises(MeasurementError, match="compare with: its energy became non-finite; other temperatures"):
            place.run()
        assert place.asked == asked
    assert place.column("md_stable_ps")[0] < 0.01
    assert place.column("md_stable_ps")[1:] == [None, None]
    assert [event.kind for event in place.events] == ["stage_began", "liquid_ended", "stage_ended"]


def test_a_network_whose_worker_was_lost_is_tried_again(place: Place) -> None:
    (place.path / "b" / "weights.npz").write_text("lost")
    place.run()
    assert place.column("md_stable_ps")[2] is None
    assert [(event.status, event.text) for event in place.events if event.model_id == "b"] == [
        ("failed", "its worker process died")
    ]
    (place.path / "b" / "weights.npz").write_text("0.5")
    place.run()
    assert place.asked == ["ray", "b"]
    assert place.column("rdf_error")[2] is not None


def test_a_teacher_that_is_not_ours_makes_the_liquid_by_its_calculator(tmp_path: Path) -> None:
    emt = ExternalTeacher(calculator="ase.calculators.emt:EMT")
    teacher = LiquidJob("teacher-EMT", "teacher", tmp_path, emt)
    crystal = liquid_crystal(bulk("Al", cubic=True), SETTINGS)
    work = LiquidWork(
        SETTINGS,
        crystal,
        teacher,
        LiquidFolder(tmp_path / "liquid"),
        "cpu",
        1,
        0.5,
        SimpleNamespace(training=nullcontext),  # type: ignore[arg-type]
    )
    result, _ = work.run(teacher)
    assert result.run.rdf is not None
    other = replace(teacher, external=emt.model_copy(update={"options": {"asap_cutoff": True}}))
    assert list(work.done([teacher])) == ["teacher-EMT"]
    assert list(replace(work, teacher=other).done([other])) == []
