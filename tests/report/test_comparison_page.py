"""Several runs on one page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pareto_search.errors import DataError
from pareto_search.report.figures.quantities import STEP_TIME
from pareto_search.report.page.comparison_page import growth_figure, overlay_figure, volume_figure, write_comparison
from pareto_search.report.tables import ReportInput
from tests.report import synthetic

ONE = synthetic.report_input(factors={"paper": 1.0}, noise=0.01, n_search=10)
TWO = synthetic.report_input(factors={"paper": 0.9}, noise=0.02, n_search=6)


def on_other_data(data: ReportInput) -> ReportInput:
    return replace(data, models=data.models.assign(dataset_hash="f00d" * 16))


def test_fronts_lie_over_each_other_under_one_reference_point(tmp_path: Path) -> None:
    comparison = write_comparison({"one": ONE, "two": TWO}, tmp_path / "both.html")
    page = (tmp_path / "both.html").read_text()
    assert "What limits this comparison" not in page
    overlay = overlay_figure(comparison, STEP_TIME)
    assert [trace.name for trace in overlay.data if trace.mode == "markers"] == ["one", "two"]
    bars = volume_figure(comparison).data
    assert [list(bar.y) for bar in bars] == [list(run.hypervolumes.values()) for run in comparison.runs]
    lines = growth_figure({"one": ONE, "two": TWO}).data
    assert [len(line.x) for line in lines] == [10, 6]
    for name in ("fronts-speed", "fronts-memory", "volumes", "growth"):
        drawn = re.search(rf'<script type="application/json" id="data-{name}">(.*?)</script>', page)
        assert drawn is not None
        assert len(json.loads(drawn[1])["data"]) >= 2
    best = max(comparison.runs, key=lambda run: run.hypervolumes["student"])
    assert f"cubic decades: {best.name} {best.hypervolumes['student']:.3f}" in page


def test_runs_on_other_data_are_refused_or_labelled(tmp_path: Path) -> None:
    runs = {"one": ONE, "<b>other</b>": on_other_data(TWO)}
    with pytest.raises(DataError, match="not trained on the same data"):
        write_comparison(runs, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
    write_comparison(runs, tmp_path / "page.html", is_forced=True)
    page = (tmp_path / "page.html").read_text()
    assert "What limits this comparison" in page
    assert "different data or splits" in page
    assert "<b>other</b>" not in page
    write_comparison(runs, tmp_path / "again.html", is_forced=True)
    assert (tmp_path / "again.html").read_text() == page


def test_runs_without_anything_make_a_page(tmp_path: Path) -> None:
    nothing = replace(ONE, models=ONE.models.iloc[:0])
    write_comparison({"a": nothing, "b": nothing}, tmp_path / "page.html")
    assert "No run has students" in (tmp_path / "page.html").read_text()
