"""What the command line prints."""

from typing import Any

import pytest
from ase.build import bulk

from pareto_search.data.dataset import from_frames
from pareto_search.data.dataset_summary import summarize
from pareto_search.records import ModelRecord
from pareto_search.terminal import show_dataset, show_models
from tests.data.frames import labelled

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


def test_of_many_origins_the_first_are_listed_and_notes_have_lines_of_their_own(capsys) -> None:
    frames = [labelled(bulk("Al", a=4.0 + 0.01 * number)) for number in range(30)]
    groups = {f"md-{number}": {"n_frames": 1, "spacing_fs": 40.0} for number in range(30)}
    notes: dict[str, Any] = {"potential": "EMT", "seed": 3, "groups": groups}
    show_dataset(summarize(from_frames(frames, list(groups), notes)), None)
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["origins"] == ", ".join(f"{name} 1" for name in sorted(groups)[:8]) + ", … (30 in all)"
    assert said["groups"] == ", ".join(list(groups)[:8]) + ", … (30 in all)"
    assert said["potential"] == "EMT"
    assert said["seed"] == "3"
