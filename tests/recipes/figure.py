"""The figure is among those of the report, once, and is drawn."""

from pareto_search.report.figures.entry import shown_figures
from pareto_search.report.tables import make_tables
from tests.report import synthetic


def test_it_is_in_the_report():
    tables = make_tables(synthetic.report_input())
    (entry,) = [entry for entry in shown_figures(tables) if entry.name == "fig5c"]
    assert entry.draw(tables).layout.yaxis.title.text == "Training time (min)"
