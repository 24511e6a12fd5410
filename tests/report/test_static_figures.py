"""Figures as files: by Matplotlib, by a browser, and as CSV."""

import re
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pareto_search.config import ControlKind
from pareto_search.report.figures.entry import shown_figures
from pareto_search.report.figures.history import history_figure
from pareto_search.report.figures.importance import importance_figure
from pareto_search.report.figures.label_weights import weight_figure
from pareto_search.report.figures.rdf import rdf_figure
from pareto_search.report.figures.style import STUDENT, TEACHER, axis, layout, look_of
from pareto_search.report.images import image_files
from pareto_search.report.images import matplotlib as matplotlib_figures
from pareto_search.report.images.image_files import figure_table, write_figures
from pareto_search.report.images.matplotlib import save_with_matplotlib
from pareto_search.report.tables import make_tables
from tests.report import synthetic

DATA = synthetic.report_input(factors={"paper": 1.0, "ablation": 0.95}, noise=0.01, n_search=10)
SHOWN = [entry.name for entry in shown_figures(make_tables(DATA))]
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.fixture
def without_kaleido(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "find_spec", lambda package: None)


@pytest.mark.slow
@pytest.mark.usefixtures("without_kaleido")
def test_matplotlib_draws_every_figure_the_same_way_twice(tmp_path: Path) -> None:
    written = write_figures(DATA, tmp_path / "one", ("svg", "png", "pdf"))
    assert [path.name for path in written if path.suffix != ".csv"] == [
        f"{name}.{kind}" for name in SHOWN for kind in ("svg", "png", "pdf")
    ]
    for path in written:
        assert path.suffix == ".csv" or path.read_bytes().startswith(MAGIC[path.suffix[1:]])
    again = write_figures(DATA, tmp_path / "two", ("png", "pdf"))
    assert all((tmp_path / "one" / path.name).read_bytes() == path.read_bytes() for path in again)


@pytest.mark.usefixtures("without_kaleido")
def test_tables_hold_what_the_figures_show(tmp_path: Path) -> None:
    write_figures(DATA, tmp_path, ())
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == sorted(SHOWN)
    shown = pd.read_csv(tmp_path / "fig2a.csv")
    students = shown[shown["series"] == "Students"]
    networks = make_tables(DATA).of_role("student")
    assert sorted(students["Force RMSE (meV/Å)"]) == pytest.approx(sorted(1e3 * networks["force_rmse_ev_per_ang"]))
    assert sorted(students["spread above"]) == pytest.approx(sorted(1e3 * networks["force_rmse_std_ev_per_ang"]))
    ids = {model_id for listed in students["networks"] for model_id in listed.split()}
    assert ids == {model_id for listed in networks["model_ids"] for model_id in listed}
    curves = pd.read_csv(tmp_path / "fig4.csv")
    assert list(curves.columns[:3]) == ["series", "Epoch", "Force RMSE (meV/Å)"]
    n_each = curves["panel"].value_counts()
    assert n_each["Training"] == n_each["Validation"] == len(curves) / 2
    searched = pd.read_csv(tmp_path / "fig7.csv")
    assert len(searched) == 10
    assert searched["networks"].is_unique


def test_tables_tell_panels_side_by_side_apart() -> None:
    tables = make_tables(synthetic.report_input(n_search=60))
    history = figure_table(history_figure(tables), tables)
    trials, epochs = history["Trials ended"].dropna(), history["Epochs trained"].dropna()
    assert trials.tolist() == list(range(1, 61))
    assert epochs.iloc[-1] == tables.models.loc[tables.models["stage"] == "search", "n_epochs"].sum()
    assert len(trials) + len(epochs) == len(history)
    effects = figure_table(importance_figure(tables), tables)
    assert set(effects["panel"]) == {"Force RMSE", "Step time", "Max atoms"}
    wanted = tables.importances[0].effects[0]
    (shown,) = effects[(effects["panel"] == "Force RMSE") & (effects["y"] == "Features")].to_dict("records")
    assert wanted.parameter == "n_features"
    ends = shown["Rank correlation"] - shown["spread below"], shown["Rank correlation"] + shown["spread above"]
    assert ends == pytest.approx(wanted.ci95)


def test_matplotlib_draws_what_is_not_sure_hollow(tmp_path: Path) -> None:
    figure = go.Figure(layout=layout(xaxis=axis("x", [1, 3]), yaxis=axis("y", [1, 3])))
    figure.add_scatter(x=[1, 2, 3], y=[1, 2, 3], mode="markers",
                       marker={"symbol": ["circle", "circle-open", "circle"], "color": "#0072B2"})  # fmt: skip
    save_with_matplotlib(figure, tmp_path / "figure.svg", (300, 200), 1)
    styles = re.findall(r'<use [^>]*style="fill: (#\w+); stroke: #0072b2', (tmp_path / "figure.svg").read_text())
    assert sorted(styles) == ["#0072b2", "#0072b2", "#ffffff"]


def matplotlib_panels(figure: go.Figure, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Axes], list[str]]:
    """Panels that Matplotlib draws of a figure, and the entries of the legend."""
    made: list[Figure] = []
    monkeypatch.setattr(matplotlib_figures, "Figure", lambda **options: made.append(Figure(**options)) or made[-1])
    save_with_matplotlib(figure, folder / "figure.png", (760, 480), 1)
    return made[0].axes, [text.get_text() for text in made[0].legends[0].get_texts()]


def test_matplotlib_draws_the_baseline_of_weight_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = make_tables(synthetic.with_weights(DATA))
    figure = weight_figure(tables)
    (panel,), legend = matplotlib_panels(figure, tmp_path, monkeypatch)
    assert panel.get_title(loc="left") == ""
    assert legend == ["Against controls (paper), weight 0", "Against controls (paper)", "Against controls (ablation)"]
    heights = [set(np.asarray(line.get_ydata())) for line in panel.get_lines()]
    assert set(figure.data[0].y) in heights
    table = figure_table(figure, tables)
    assert table.loc[table["series"] == legend[0], "Force RMSE against controls (%)"].tolist() == list(figure.data[0].y)


def test_matplotlib_draws_the_band_of_the_teachers_rdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = make_tables(synthetic.with_liquid(DATA))
    figure = rdf_figure(tables)
    (left, right), legend = matplotlib_panels(figure, tmp_path, monkeypatch)
    assert (len(left.patches), len(right.patches)) == (0, 1)
    spread = 2 * tables.rdf.loc[tables.rdf["model_id"] == "teacher", "g_std"]
    ends = np.asarray(right.patches[0].get_path().vertices)[:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((-spread.max(), spread.max()))
    assert set(legend) == {"Students", "Controls (paper)", "Controls (ablation)", "Teacher", figure.data[0].name}
    table = figure_table(figure, tables)
    band = table[table["series"] == "Two standard errors of the teacher"]
    assert set(band["panel"]) == {"Difference from the teacher's g(r)"}
    assert len(band) == 2 * len(spread)


def test_matplotlib_knows_the_marker_of_every_role() -> None:
    looks = [STUDENT, TEACHER, *(look_of("control", kind) for kind in (*get_args(ControlKind), "another"))]
    markers = [matplotlib_figures._MARKERS[look.symbol] for look in looks]
    assert len(set(markers)) == len(looks)


@pytest.mark.slow
@pytest.mark.browser
def test_plotly_draws_them_where_there_is_a_browser(tmp_path: Path) -> None:
    pytest.importorskip("kaleido", reason="kaleido is not installed")
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    write_figures(DATA, tmp_path, ("svg",))
    drawn = {path.stem: path.read_text() for path in tmp_path.glob("*.svg")}
    assert sorted(drawn) == sorted(SHOWN)
    assert all('class="main-svg"' in text for text in drawn.values())
    assert "MD step time" in drawn["fig2a"]


def test_without_a_usable_browser_matplotlib_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("kaleido", reason="kaleido is not installed")
    from choreographer.errors import ChromeNotFoundError

    def fail(*arguments: object, **settings: object) -> None:
        raise ChromeNotFoundError("no Chrome here")

    monkeypatch.setattr(plotly.io, "write_images", fail)
    monkeypatch.setattr(image_files, "shown_figures", lambda tables: shown_figures(tables)[:1])
    with caplog.at_level("INFO", logger="pareto_search"):
        write_figures(DATA, tmp_path, ("svg",))
    assert b"matplotlib" in (tmp_path / "fig2a.svg").read_bytes()
    assert "drawn by Matplotlib, for no browser could be used (no Chrome here)" in caplog.text
