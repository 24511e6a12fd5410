"""What the command line prints."""

import pytest

from pareto_search.records import ModelRecord
from pareto_search.terminal import show_models

NETWORK = {
    "model_id": "student-40-16-3-8f4cf450c6", "stage": "search", "role": "student", "seed": 1000, "n_epochs": 2,
    "status": "complete", "valid_force_rmse_ev_per_ang": 0.4377, "test_force_rmse_ev_per_ang": 0.3337,
    "test_energy_rmse_ev_per_atom": 0.08832, "md_us_per_atom_step": 21.58, "max_atoms": 87500,
}  # fmt: skip


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_tables_break_lines_between_words_only(columns: int, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    show_models([ModelRecord.from_plain(NETWORK)])
    printed = capsys.readouterr().out
    assert printed.startswith("1 network\n")
    lines = printed.splitlines()
    row = f"{NETWORK['model_id']} complete 1000 2 0.4377 0.3337 88.32 21.58 87,500"
    assert row.split() in [line.split() for line in lines]
    assert "µs/atom/step" in printed
    assert max(map(len, lines)) <= max(columns, 100)


def test_long_texts_are_wrapped(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reason = "the worker was lost three times and is not tried again"
    show_models([ModelRecord.from_plain({**NETWORK, "status": "failed", "reason": reason})])
    words = capsys.readouterr().out.split()
    assert all(word in words for word in reason.split())
