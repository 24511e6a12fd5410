"""A figure that is one new file in the folder of figures."""

import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from pareto_search.report import figures
from pareto_search.report.figures.entry import all_figures
from pareto_search.report.images import image_files
from pareto_search.report.images.image_files import write_figures
from pareto_search.results import Results
from pareto_search.run_directory import RunDirectory
from tests.report import synthetic
from tests.report.test_page import figures_of, json_of, written

DATA = synthetic.report_input(ladder=synthetic.LADDER[:2], n_seeds=2)
MODULE = """
    import plotly.graph_objects as go

    from pareto_search.report.figures.entry import Entry


    def draw(tables):
        students = tables.of_role("student")
        return go.Figure().add_bar(x=students["label"], y=students["n_weights"], name="Students")


    FIGURES = (
        Entry("figsizes", "2D", "Sizes", draw, lambda s: f"Sizes of {len(s.tables.of_role('student'))} students."),
        Entry("fignever", "12", "Never", draw, lambda s: "", is_shown=lambda tables: False),
    )
"""


@pytest.fixture
def new_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of figures in a folder of its own, which the package looks into as well."""
    folder = tmp_path / "more_figures"
    folder.mkdir()
    (folder / "sizes.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "pareto_search.report.figures.sizes", raising=False)


@pytest.mark.usefixtures("new_figure")
def test_a_new_file_is_a_new_figure_in_the_page(tmp_path: Path) -> None:
    html = written(DATA, tmp_path)
    names = [name for name in figures_of(html) if name.startswith("fig2") or name in ("figsizes", "fig3a")]
    assert names == ["fig2a", "fig2b", "fig2c", "figsizes", "fig3a"]
    assert json_of(html)["figsizes"]["data"][0]["y"] == [300, 552]
    assert "Sizes of 2 students." in html
    assert "fignever" not in html


@pytest.mark.usefixtures("new_figure")
def test_it_is_written_as_a_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "find_spec", lambda package: None)
    write_figures(DATA, tmp_path, ("svg",))
    assert (tmp_path / "figsizes.svg").is_file()
    assert pd.read_csv(tmp_path / "figsizes.csv")["y"].tolist() == [300, 552]
    assert not (tmp_path / "fignever.svg").exists()


@pytest.mark.usefixtures("new_figure")
def test_it_is_among_the_figures_of_the_results(tmp_path: Path) -> None:
    results = Results(RunDirectory(tmp_path), DATA.config, DATA.models, DATA)
    assert results.figures["figsizes"] == "Sizes"
    assert "fignever" not in results.figures
    assert list(results.figure("figsizes").data[0].y) == [300, 552]


def test_figures_have_names_and_tags_of_their_own_in_the_order_of_the_tags() -> None:
    entries = all_figures()
    assert len({entry.name for entry in entries}) == len({entry.tag for entry in entries}) == len(entries)
    tags = [entry.tag for entry in entries]
    assert tags.index("2A") < tags.index("2B") < tags.index("3A") < tags.index("9") < tags.index("10")
