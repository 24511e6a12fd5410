"""The form of export is known by its name."""

from pareto_search.potential.exports import export_kinds, export_named


def test_it_is_a_kind():
    assert "summary" in export_kinds()
    assert export_named("summary").how_to_read == "{path} is JSON"
