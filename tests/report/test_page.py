import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from pareto_search.config import ControlKind
from pareto_search.errors import StoreError
from pareto_search.report.figures.front_3d import front_3d_figure
from pareto_search.report.figures.learning_curves import CURVE_MENU, learning_curve_figure
from pareto_search.report.figures.rdf import RDF_MENU, rdf_figure
from pareto_search.report.figures.style import axis, log_ticks
from pareto_search.report.numbers import number, whole
from pareto_search.report.page import browser_data
from pareto_search.report.page.dataset_page import write_dataset_page
from pareto_search.report.page.page import json_text
from pareto_search.report.page.report_page import write_report
from pareto_search.report.tables import ReportInput, make_tables
from tests.report import synthetic

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


def written(data: ReportInput, folder: Path) -> str:
    write_report(data, folder / "report.html", folder / "report.json")
    return (folder / "report.html").read_text(encoding="utf-8")


def json_of(html: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', html, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


#: Figures that every study has, and those of a study with a search.
ALWAYS = ["fig2a", "fig2b", "fig2c", "fig3a", "fig3b", "fig4", "fig5a", "fig5b"]
OF_THE_SEARCH = ["fig7", "fig8"]
#: Figures that need what these studies lack: liquids, cutoffs, trials enough for importances, events, label weights.
ELSEWHERE = {"fig3c", "fig3d", "fig3e", "fig6a", "fig6b", "fig9", "fig10", "fig11"}


def figures_of(html: str) -> dict[str, Any]:
    return {name: value for name, value in json_of(html).items() if name not in ("study", "dark")}


def column(html: str, frame: str, name: str) -> list[Any]:
    """A column of the page's study, decoded."""
    found = json_of(html)["study"][frame]
    values = found["columns"][name]
    if isinstance(values, dict) and "same" in values:
        return [values["same"]] * found["n"]
    return [values["texts"][code] for code in values["codes"]] if isinstance(values, dict) else values


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    data = synthetic.report_input(factors={"paper": 1.0, "ablation": 0.95}, noise=0.01, n_search=10)
    return written(data, tmp_path_factory.mktemp("page"))


def test_page_is_one_file_that_loads_nothing(page: str) -> None:
    assert page.count(get_plotlyjs()) == 1
    assert len(page.encode()) < 12e6
    outside = page.replace(get_plotlyjs(), "")
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", outside)
    assert "@import" not in outside


def test_every_network_is_in_the_page_once(page: str) -> None:
    ids = column(page, "networks", "model_id")
    assert len(ids) == len(set(ids)) == 1 + 8 * 4 * 3 + 20
    row = ids.index("c00-student-s1000")
    assert column(page, "networks", "n_weights")[row] == 300
    assert column(page, "networks", "label")[row] == "12/8/1"
    numbers = column(page, "networks", "network")
    seeds = [model_id for model_id, number in zip(ids, numbers, strict=True) if number == numbers[row]]
    assert seeds == [f"c00-student-s{seed}" for seed in range(1000, 1004)]


def test_costs_go_with_their_networks(page: str) -> None:
    labels = column(page, "networks", "label")
    places = column(page, "networks", "cost")
    assert [column(page, "costs", "label")[place].removesuffix(" (teacher)") for place in places] == labels
    assert column(page, "costs", "label").count("128/40/4 (teacher)") == 1
    assert column(page, "costs", "us_per_atom_step_median") == sorted(column(page, "costs", "us_per_atom_step_median"))


def test_every_figure_has_data(page: str) -> None:
    figures = figures_of(page)
    assert [name for name in figures if name in (*ALWAYS, *OF_THE_SEARCH)] == [*ALWAYS, *OF_THE_SEARCH]
    assert not ELSEWHERE & set(figures)
    assert all(len(figures[name]["data"]) >= 2 for name in ALWAYS)
    assert all(figure["data"] for figure in figures.values())
    for name in figures:
        assert f'data-figure="{name}"' in page


def test_students_controls_and_teacher_differ_in_colour_and_marker(page: str) -> None:
    traces = {t["name"]: t for t in figures_of(page)["fig2a"]["data"] if t["mode"] == "markers" and t.get("customdata")}
    names = ("Students", "Controls (paper)", "Controls (ablation)", "Teacher")
    markers = [traces[name]["marker"] for name in names]
    assert len({m["color"] for m in markers}) == len({m["symbol"] for m in markers}) == 4
    assert traces["Teacher"]["marker"]["symbol"] == "star"


def test_points_are_means_and_bars_are_standard_deviations_over_seeds(tmp_path: Path) -> None:
    data = synthetic.report_input(ladder=synthetic.LADDER[:1], noise=0.05)
    students = data.models.loc[data.models["role"] == "student", "test_force_rmse_ev_per_ang"]
    figure = figures_of(written(data, tmp_path))["fig2a"]
    trace = next(t for t in figure["data"] if t["name"] == "Students")
    assert trace["y"] == pytest.approx([1e3 * students.mean()], rel=1e-5)
    assert trace["error_y"]["array"] == pytest.approx([1e3 * students.std(ddof=1)], rel=1e-5)


def test_fronts_are_step_lines_of_non_dominated_networks(page: str) -> None:
    figure = figures_of(page)["fig2b"]
    front = next(t for t in figure["data"] if t["name"] == "Front: Students")
    assert front["line"]["shape"] == "hv"
    assert front["x"] == sorted(front["x"])
    assert front["y"] == sorted(front["y"], reverse=True)
    # 16/20/2 needs more memory than 24/12/2 and is less accurate: six of eight, and the end of the last step.
    assert len(front["x"]) == 7


def test_learning_curves_offer_every_architecture(page: str) -> None:
    menu = re.search(r'<select class="architectures" id="curve-menu"[^>]*>(.*?)</select>', page)
    assert menu is not None
    labels = re.findall(r"<option value=\"\d+\">(.*?)</option>", menu[1])
    assert labels[0] == "12/8/1"
    assert len(labels) == 8
    assert len(figures_of(page)["fig4"]["data"]) == 2 * 4 * 3  # panels, seeds, student and two controls
    curves = json_of(page)["study"]["curves"]
    completed = column(page, "networks", "status").count("complete")
    assert len(curves["rows"]) == len(curves["valid"]) == completed
    assert len(curves["epoch_lists"]) == 1  # all have the same epochs


def test_architectures_of_one_label_are_told_apart() -> None:
    """Labels leave the soft cutoff out."""
    data = synthetic.with_liquid(synthetic.report_input(ladder=synthetic.LADDER[:2], n_seeds=2))
    other = data.models[data.models["stage"] == "confirm"].assign(dist_soft_max_ang=6.5)
    other["model_id"] += "-soft"
    copies = [frame.assign(model_id=frame["model_id"] + "-soft") for frame in (data.curves, data.rdf)]
    tables = make_tables(replace(
        data, models=pd.concat([data.models, other], ignore_index=True), curves=pd.concat([data.curves, copies[0]]),
        rdf=pd.concat([data.rdf, copies[1]]),
    ))  # fmt: skip
    for menu in (CURVE_MENU, RDF_MENU):
        options = dict(menu.options(tables))
        assert list(options.values()) == [
            "12/8/1, cutoff 7 to 7.5 Å", "12/8/1, cutoff 6.5 to 7.5 Å",
            "12/16/2, cutoff 7 to 7.5 Å", "12/16/2, cutoff 6.5 to 7.5 Å",
        ]  # fmt: skip
        of_number = tables.models.set_index("architecture")["dist_soft_max_ang"]
        assert [set(of_number[number]) for number in options] == [{7.0}, {6.5}] * 2
    for draw, n_lines in ((learning_curve_figure, 2 * 2 * 2), (rdf_figure, 1 + 2 * 2 * 2 + 1)):
        assert [len(draw(tables, number).data) for number in [None, *options]] == [n_lines] * 5  # panels, seeds, roles


def test_curves_share_a_budget_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_data, "TOTAL_CURVE_POINTS", 1_000)
    data = synthetic.report_input(ladder=synthetic.LADDER[:4], n_seeds=2)
    curves = json.loads(browser_data.study_json(make_tables(data)))["curves"]
    (epochs,) = curves["epoch_lists"]
    assert (epochs[0], epochs[-1], len(epochs)) == (1, 240, 1_000 // 17)
    assert {len(curve) for curve in curves["valid"]} == {len(epochs)}


def test_the_paper_claim_is_a_region(page: str) -> None:
    teacher = synthetic.row("teacher", synthetic.TEACHER, error=0.036)
    for name, column_, factor in (("fig2a", "md_us_per_atom_step", 1.0), ("fig2b", "bytes_per_atom", 1e-3)):
        (region,) = figures_of(page)[name]["layout"]["shapes"]
        assert region["x1"] == pytest.approx(0.5 * factor * teacher[column_], rel=1e-5)
        assert region["y1"] == pytest.approx(1.2 * 36.0, rel=1e-5)
        assert region["name"].startswith("At most 20 % worse and ")


def test_step_times_have_their_quartiles_as_error_bars(page: str) -> None:
    figures = figures_of(page)
    trace = next(t for t in figures["fig5a"]["data"] if t["name"] != "Teacher")
    assert trace["error_y"]["array"] == pytest.approx([0.02 * y for y in trace["y"]], rel=1e-4)
    assert trace["error_y"]["arrayminus"] == pytest.approx([0.015 * y for y in trace["y"]], rel=1e-4)
    assert not figures["fig5b"]["data"][0]["error_y"]["visible"]


def test_every_role_has_a_symbol_of_its_own_in_three_dimensions() -> None:
    data = synthetic.report_input(factors={kind: 1.0 for kind in get_args(ControlKind)})
    found = {
        trace.name: trace.marker.symbol for trace in front_3d_figure(make_tables(data)).data if trace.marker.symbol
    }
    assert len(found) == len(set(found.values())) == len(get_args(ControlKind)) + 2


def test_a_network_that_another_dominates_is_faint_in_three_dimensions() -> None:
    data = synthetic.report_input(ladder=synthetic.LADDER[:3], n_seeds=2)
    is_worse = (data.models["n_features"] == 12) & (data.models["n_sensitivities"] == 16)
    models = data.models.assign(md_us_per_atom_step=data.models["md_us_per_atom_step"] + 99.0 * is_worse)
    models["bytes_per_atom"] += 1e6 * is_worse
    models["test_force_rmse_ev_per_ang"] += 1.0 * is_worse
    traces = front_3d_figure(make_tables(replace(data, models=models))).data
    students = [trace for trace in traces if trace.name == "Students" and trace.mode == "markers"]
    assert [(trace.marker.opacity, len(trace.x)) for trace in students] == [(1.0, 2), (0.35, 1)]
    assert students[1].z[0] > 1000.0


def test_parallel_axes_are_what_varies_and_the_objectives(page: str) -> None:
    (trace,) = figures_of(page)["fig7"]["data"]
    assert [dimension["label"].split("<br>")[0] for dimension in trace["dimensions"]] == [
        "Features", "Sensitivities", "Atom layers", "Force RMSE", "Step time", "Max atoms",
    ]  # fmt: skip
    assert {len(dimension["values"]) for dimension in trace["dimensions"]} == {10}


def test_figures_are_described_for_those_who_do_not_see_them(page: str) -> None:
    assert 'aria-describedby="fig2a-caption fig2a-summary"' in page
    assert "8 of 8 controls are dominated by some student" in page  # not worse on all: their costs are the same
    summary = re.search(r'id="fig2a-summary">(.*?)</p>', page)
    assert summary is not None
    assert summary[1].startswith("Axes: MD step time (µs/atom/step), Force RMSE (meV/Å). Points: ")
    assert "Students: 8" in summary[1]


def test_hostile_texts_are_escaped(tmp_path: Path) -> None:
    data = synthetic.report_input(HOSTILE, ladder=synthetic.LADDER[:2], n_seeds=1)
    models = data.models.copy()
    models.loc[1, ["model_id", "status", "reason"]] = [HOSTILE, "failed", HOSTILE]
    models["device"] = HOSTILE
    config = data.config.model_copy(update={"description": HOSTILE})
    dataset = replace(data.dataset, notes={"note": HOSTILE}, summary={HOSTILE: HOSTILE})
    html = written(replace(data, models=models, config=config, dataset=dataset), tmp_path)
    html = html.replace(get_plotlyjs(), "")
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert HOSTILE in column(html, "networks", "reason")


def test_report_is_deterministic_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data = synthetic.report_input(noise=0.02, n_search=10)
    first = written(data, tmp_path)
    assert written(data, tmp_path) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_json_is_strict_and_equals_the_summary(tmp_path: Path) -> None:
    summary, _ = write_report(synthetic.report_input(n_seeds=1), tmp_path / "r.html", tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert {k: v for k, v in json.loads(text).items() if k != "paper_claims"} == summary.to_plain()


def test_failed_write_keeps_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = synthetic.report_input(ladder=synthetic.LADDER[:1], n_seeds=1)
    before = written(data, tmp_path)

    def broken(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(StoreError, match="disk full"):
        write_report(data, tmp_path / "report.html", tmp_path / "report.json")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before
    assert len(list(tmp_path.iterdir())) == 2


def degenerate() -> dict[str, ReportInput]:
    data = synthetic.report_input(noise=0.01)
    models = data.models
    return {
        "empty": replace(data, models=pd.DataFrame(), curves=pd.DataFrame(), costs=[], dataset=None, config=None),
        "no teacher": replace(data, models=models[models["role"] != "teacher"]),
        "teacher only": replace(data, models=models[models["role"] == "teacher"]),
        "no controls": replace(data, models=models[models["role"] != "control"]),
        "all diverged": replace(data, models=models.assign(status="diverged", n_weights=None)),
        "no costs": replace(
            data, models=models.assign(md_us_per_atom_step=None, max_atoms=None, bytes_per_atom=None), costs=[]
        ),
        "search only": synthetic.report_input(ladder=(), n_search=10),
        "one network": synthetic.report_input(ladder=synthetic.LADDER[:1], n_seeds=1, teacher_error=None),
    }


@pytest.mark.parametrize("name", sorted(degenerate()))
def test_degenerate_studies_still_make_a_page(name: str, tmp_path: Path) -> None:
    html = written(degenerate()[name], tmp_path)
    shown = figures_of(html)
    assert [figure for figure in shown if figure in ALWAYS] == ALWAYS
    assert not ELSEWHERE & set(shown)
    assert ">nan<" not in html


def test_a_search_of_nothing_that_is_drawn_makes_a_page(tmp_path: Path) -> None:
    data = synthetic.report_input(n_search=60)
    models = data.models.assign(n_features=12, n_sensitivities=8, n_atom_layers=1)  # only activations differ, say
    page = written(replace(data, models=models), tmp_path)
    assert "60 students of the search with error and cost; a range drawn on an axis filters all figures." in page


def test_several_cutoffs_are_told_apart(tmp_path: Path) -> None:
    data = synthetic.report_input(ladder=synthetic.LADDER[:2], n_seeds=1)
    cutoffs = np.where(data.models["n_sensitivities"] == 8, 5.0, 10.25)
    html = written(replace(data, models=data.models.assign(dist_hard_max_ang=cutoffs)), tmp_path)
    assert "12/8/1 @5.0 Å" in html
    names = [trace["name"] for trace in figures_of(html)["fig5a"]["data"]]
    assert names == ["Cutoff 5 Å", "Cutoff 10.25 Å", "Teacher"]


def test_a_search_of_cutoffs_shows_what_they_buy(tmp_path: Path) -> None:
    data = synthetic.report_input(n_seeds=2, n_search=20)
    models = data.models.sort_values("role", ignore_index=True)
    shapes = pd.factorize(models["n_weights"])[0]
    models["dist_hard_max_ang"] = 4.5 + 3.0 * (0.618 * shapes % 1.0)
    for column, power in (("md_us_per_atom_step", 2.0), ("bytes_per_atom", 3.0)):
        models[column] = models["n_weights"] ** 0.5 * models["dist_hard_max_ang"] ** power
    html = written(replace(data, models=models), tmp_path)
    figures = figures_of(html)
    assert "with equally many weights, costs grow with the cutoff, step time to the power 2.0 (2.0 to 2.0)" in html
    assert "(2.0 to 2.0) and memory to the power 3.0 (3.0 to 3.0)" in html
    assert re.search(r"students on the front have cutoffs from \d\.\d to \d\.\d Å, of 4\.5 to 7\.\d Å tried", html)
    students = next(trace for trace in figures["fig6a"]["data"] if trace["name"] == "Students")
    assert len(students["customdata"]) == len(synthetic.LADDER)
    sizes = [trace for trace in figures["fig6b"]["data"] if trace["name"].endswith("weights")]
    assert [trace["name"].split()[0] for trace in sizes] == sorted(
        (trace["name"].split()[0] for trace in sizes), key=lambda text: int(text.replace(",", ""))
    )
    assert (
        sum(len(trace["customdata"]) for trace in sizes)
        == models.loc[models["role"] != "teacher", "n_weights"].nunique()
    )
    assert next(trace["name"] for trace in figures["fig5a"]["data"]).startswith("Architectures")


def test_growth_with_the_cutoff_is_claimed_only_where_the_interval_shows_it(tmp_path: Path) -> None:
    data = synthetic.report_input(n_seeds=2, n_search=20)
    models = data.models.sort_values("role", ignore_index=True)
    shapes = pd.factorize(models["n_weights"])[0]
    models["dist_hard_max_ang"] = 4.5 + 3.0 * (0.618 * shapes % 1.0)
    models["md_us_per_atom_step"] = models["n_weights"] ** 0.5 * np.where(shapes % 2, 0.5, 2.0)  # noise hides all
    models["bytes_per_atom"] = models["dist_hard_max_ang"] ** 3.0
    html = written(replace(data, models=models), tmp_path)
    assert "costs grow with the cutoff" not in html
    assert "architectures); whether step time grows is not sure." in html


def test_rdf_errors_add_panels_and_curves_without_them_do_not(tmp_path: Path) -> None:
    data = synthetic.report_input(ladder=synthetic.LADDER[:2], n_seeds=2)
    assert not {"fig3c", "fig3d", "fig3e"} & set(figures_of(written(data, tmp_path)))
    errors_alone = written(replace(data, models=data.models.assign(rdf_error=0.4)), tmp_path)
    assert {"fig3c", "fig3d"} <= set(figures_of(errors_alone))
    assert "fig3e" not in figures_of(errors_alone)
    assert json_of(errors_alone)["study"]["rdf"] is None


def test_the_liquid_is_shown_in_its_units_with_what_noise_alone_would_give(tmp_path: Path) -> None:
    data = synthetic.with_liquid(synthetic.report_input(n_seeds=3, noise=0.02), n_unstable=2)
    html = written(data, tmp_path)
    figure = figures_of(html)["fig3c"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "RDF error (Å)"
    traces = {trace["name"]: trace for trace in figure["data"]}
    assert traces["Noise alone"]["y"] == [0.02, 0.02]
    controls = data.models[data.models["role"] == "control"]
    assert len(traces["Controls (paper)"]["y"]) == len(synthetic.LADDER)
    means = controls.groupby("n_weights")["rdf_error"].mean()
    assert sorted(traces["Controls (paper)"]["y"]) == pytest.approx(sorted(means), rel=1e-5)
    stds = controls.groupby("n_weights")["rdf_error"].std()
    assert sorted(traces["Controls (paper)"]["error_y"]["array"]) == pytest.approx(sorted(stds), rel=1e-4)
    assert "Noise alone would give 0.0200 Å; 46 of 46 networks are clearly above theirs. MD of 2 other networks" in html


def test_the_correlation_of_force_and_rdf_error_is_told_with_its_interval(tmp_path: Path) -> None:
    base = synthetic.report_input(n_seeds=3, noise=0.02)
    html = written(synthetic.with_liquid(base), tmp_path)
    found = re.search(r"rank correlation \(Spearman\) (\S+) \(95 % interval (\S+) to (\S+)\), linear", html)
    assert found is not None
    value, low, high = map(float, found.groups())
    assert 0.9 < low < value < high <= 1
    assert "over 48 networks of 8 architectures." in html
    opposite = written(synthetic.with_liquid(base, power=-1.0), tmp_path)
    assert "rank correlation (Spearman) −0.9" in opposite
    few = written(synthetic.with_liquid(synthetic.report_input(ladder=synthetic.LADDER[:3])), tmp_path)
    assert "over 24 networks of 3 architectures; too few architectures for an interval." in few


def test_radial_distribution_functions_offer_every_architecture(tmp_path: Path) -> None:
    data = synthetic.with_liquid(synthetic.report_input(n_seeds=3), n_unstable=6)
    html = written(data, tmp_path)
    menu = re.search(r'<select class="architectures" id="rdf-menu"[^>]*>(.*?)</select>', html)
    assert menu is not None
    assert re.findall(r"<option[^>]*>(.*?)</option>", menu[1])[0] == "12/16/2"  # no network of the first was stable
    figure = figures_of(html)["fig3e"]
    band, *lines = figure["data"]
    assert len(lines) == 2 * 3 * 2 + 1  # panels, seeds, student and control; the teacher
    teacher = data.rdf[data.rdf["model_id"] == "teacher"]
    assert lines[-1]["y"] == pytest.approx(list(teacher["g"]), rel=1e-5)
    assert band["y"] == pytest.approx([*(2 * teacher["g_std"]), *(-2 * teacher["g_std"][::-1])], rel=1e-5)
    assert band["yaxis"] == "y2"
    first = data.models[data.models["model_id"] == "c01-student-s1000"]["rdf_error"].item()
    assert lines[1]["y"] == pytest.approx(list(first / 8 * np.sin(teacher["r_ang"])), abs=1e-5)
    rdf = json_of(html)["study"]["rdf"]
    assert len(rdf["rows"]) == len(rdf["g"]) == 42
    assert rdf["g"][0] != rdf["teacher"]


def test_dataset_page_takes_both_forms_of_histograms(tmp_path: Path) -> None:
    summary = {
        "name": HOSTILE, "n_systems": 12, "notes": ["made by hand"],
        "histograms": {"force_ev_per_ang": {"counts": [1, 3], "edges": [0, 1, 2]}, "distance_ang": [[2], [1.0, 4.0]],
                       "broken": [[1], [0]]},
    }  # fmt: skip
    write_dataset_page(summary, tmp_path / "data.html")
    html = (tmp_path / "data.html").read_text(encoding="utf-8")
    assert html.count(get_plotlyjs()) == 1
    assert len(figures_of(html)) == 3
    assert "<img" not in html.replace(get_plotlyjs(), "")
    assert "Force of 4 values; half lie between 1 and 1.67 eV/Å." in html


@pytest.mark.parametrize("notes", [{"force_sign": "turned"}, ["force_sign: turned"], "force_sign: turned"])
def test_notes_may_have_any_form(notes: Any, tmp_path: Path) -> None:
    data = synthetic.report_input(ladder=synthetic.LADDER[:1], n_seeds=1)
    assert "<li>force_sign: turned</li>" in written(replace(data, dataset=replace(data.dataset, notes=notes)), tmp_path)
    write_dataset_page({"notes": notes}, tmp_path / "data.html")
    assert "<li>force_sign: turned</li>" in (tmp_path / "data.html").read_text(encoding="utf-8")


def test_of_groups_of_frames_the_names_are_noted(tmp_path: Path) -> None:
    write_dataset_page(
        {"notes": {"groups": {"md-1": {"n_frames": 4}, "md-2": {"n_frames": 3}}}}, tmp_path / "data.html"
    )
    assert "<li>groups: md-1, md-2</li>" in (tmp_path / "data.html").read_text(encoding="utf-8")


def test_numbers_are_written_for_readers() -> None:
    assert [number(v) for v in (0.012345, 12.345, 0.0, float("nan"), -3.14159)] == [
        "0.0123",
        "12.3",
        "0.00",
        "–",
        "−3.14",
    ]
    assert whole(1234567.0) == "1\u202f234\u202f567"


def test_axes_are_logarithmic_where_the_span_warrants() -> None:
    assert axis("x", [1, 100])["type"] == "log"
    assert "type" not in axis("x", [1, 2, float("nan"), -5])
    assert log_ticks(30, 130) == [30, 50, 70, 100]
    assert log_ticks(100, 1e7) == [1e2, 1e3, 1e4, 1e5, 1e6, 1e7]


def test_json_cannot_end_its_element() -> None:
    assert "</script>" not in json_text('{"a":"</script>"}')


def test_the_papers_claims_are_a_table_and_in_the_json(page: str, tmp_path: Path) -> None:
    table = page[page.index('id="claims"') : page.index('id="networks-section"')]
    assert "At equal cost, students have a lower force RMSE than the paper's controls" in unescape(table)
    assert '<span class="tag complete">holds</span>' in table
    assert 'href="#claims"' in page
    written(synthetic.report_input(noise=0.01), tmp_path)
    claims = {claim["name"]: claim for claim in json.loads((tmp_path / "report.json").read_text())["paper_claims"]}
    assert claims["force, paper"]["verdict"] == "holds"
    assert claims["force, paper"]["ci95"][1] < 0
    nothing = written(replace(synthetic.report_input(), models=synthetic.report_input().models.iloc[:0]), tmp_path)
    assert 'id="claims"' not in nothing
    assert 'href="#claims"' not in nothing


def test_several_weights_of_the_labels_have_a_figure(page: str, tmp_path: Path) -> None:
    assert "fig11" not in figures_of(page)
    data = synthetic.with_weights(synthetic.report_input(factors={"paper": 1.0, "ablation": 0.95}, noise=0.01))
    html = written(data, tmp_path)
    figure = figures_of(html)["fig11"]
    assert [trace["name"] for trace in figure["data"]] == [
        "Against controls (paper), weight 0", "Against controls (paper)", "Against controls (ablation)",
    ]  # fmt: skip
    baseline, curve = figure["data"][:2]
    assert curve["x"] == [1.0, 20.0, 300.0]
    assert baseline["x"] == [1.0, 300.0]
    assert baseline["y"] == [pytest.approx(-5.0, abs=1.0)] * 2  # what the ablation controls are
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < baseline["y"][0] < high
    assert "against paper controls lowest at 20 (−" in html
