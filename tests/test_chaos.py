"""What `scripts/chaos.py` finds wrong in the results of a killed study."""

import importlib.util
import json
from pathlib import Path

import optuna
import pandas as pd
import pytest

_spec = importlib.util.spec_from_file_location("chaos", Path(__file__).parents[1] / "scripts" / "chaos.py")
chaos = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chaos)

NAMES = ("teacher-a", "student-b", "paper-c")
UNHARMED: dict[str, list[str]] = {"lost": [], "doubled": [], "zombies": [], "mismatched": []}


def write_network(out: Path, name: str, status: str = "complete") -> None:
    folder = out / "teacher" if name.startswith("teacher") else out / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"record": {"model_id": name, "status": status}}))


def write_table(out: Path, **changes) -> None:
    rows = {
        "model_id": NAMES,
        "trial_id": (None, 0, 0),
        "seed": (0, 0, 0),
        "control_kind": (None, None, "paper"),
        "test_force_rmse_ev_per_ang": (0.1, 0.25, 0.3),
        "md_us_per_atom_step": (30.0, 20.0, 20.0),
    }
    pd.DataFrame(rows | changes).to_csv(out / "models.csv", index=False)


def write_log(out: Path) -> None:
    start = "2030-01-01 00:00:00,000 INFO pareto_search.search"
    lines = [f"{start}.network: {NAMES[0]}: test force_rmse=0.1000 eV/Å, 30 epochs, 1 s"]
    lines += [
        f"{start}.tune_events: trial {n}: complete, on validation force RMSE 400 meV/Å, step time 20 µs/atom"
        for n in (1, 11)
    ]
    (out / "log.txt").write_text("\n".join(lines) + "\n")


def write_study_db(out: Path) -> optuna.Study:
    study = optuna.create_study(storage=f"sqlite:///{out / 'study.db'}", study_name="chaos", directions=["minimize"])
    study.add_trial(optuna.trial.create_trial(value=1.0))
    return study


@pytest.fixture
def undisturbed(tmp_path):
    return made(tmp_path / "undisturbed")


@pytest.fixture
def killed(tmp_path):
    return made(tmp_path / "killed")


def made(out: Path) -> Path:
    """A run directory as a finished study leaves it, with what a comparison reads."""
    out.mkdir()
    for name in NAMES:
        write_network(out, name)
    write_table(out)
    write_log(out)
    write_study_db(out)._storage._backend.engine.dispose()  # type: ignore[attr-defined]  # Optuna's own
    return out


def damage(killed: Path, undisturbed: Path, before=None) -> dict[str, list[str]]:
    return chaos.compare(killed, undisturbed, chaos.finished_networks(killed) if before is None else before)


def test_equal_studies_are_unharmed(killed, undisturbed):
    write_table(killed, trial_id=(None, 1, 1), md_us_per_atom_step=(33.0, 21.0, 21.0))  # what may differ
    assert damage(killed, undisturbed) == UNHARMED


def test_network_without_row_or_folder_is_lost(killed, undisturbed):
    pd.read_csv(killed / "models.csv").iloc[:2].to_csv(killed / "models.csv", index=False)
    (killed / "models" / "student-b" / "model.json").unlink()
    assert damage(killed, undisturbed) == UNHARMED | {"lost": ["paper-c", "student-b"]}


def test_failed_network_is_lost_and_differs(killed, undisturbed):
    before = chaos.finished_networks(killed)
    write_network(killed, "student-b", status="failed")
    write_table(killed, test_force_rmse_ev_per_ang=(0.1, None, 0.3))
    found = damage(killed, undisturbed, before)
    assert found == UNHARMED | {"lost": ["student-b"], "mismatched": ["student-b"]}


def test_network_written_again_is_doubled_even_with_the_same_content(killed, undisturbed):
    before = chaos.finished_networks(killed)
    (killed / "models" / "student-b" / "model.json").touch()
    assert damage(killed, undisturbed, before) == UNHARMED | {"doubled": ["student-b"]}


def test_network_finished_after_the_last_kill_is_not_doubled(killed, undisturbed):
    before = {"teacher-a": chaos.finished_networks(killed)["teacher-a"]}
    assert damage(killed, undisturbed, before) == UNHARMED


def test_second_row_is_doubled(killed, undisturbed):
    models = pd.read_csv(killed / "models.csv")
    pd.concat([models, models.iloc[2:]]).to_csv(killed / "models.csv", index=False)
    assert damage(killed, undisturbed) == UNHARMED | {"doubled": ["paper-c"]}


@pytest.mark.parametrize(("line", "name"), [(0, "teacher-a"), (1, "trial 1")])
def test_second_announcement_is_doubled(killed, undisturbed, line, name):
    log = killed / "log.txt"
    log.write_text(log.read_text() + log.read_text().splitlines()[line] + "\n")
    assert damage(killed, undisturbed) == UNHARMED | {"doubled": [name]}


def test_running_trial_is_a_zombie(killed, undisturbed):
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{killed / 'study.db'}")
    study.ask()
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]  # Optuna's own
    assert damage(killed, undisturbed) == UNHARMED | {"zombies": ["trial 1"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"test_force_rmse_ev_per_ang": (0.1, 0.25 + 1e-12, 0.3)},
        {"test_force_rmse_ev_per_ang": (0.1, None, 0.3)},
        {"control_kind": (None, "ablation", "paper")},
    ],
)
def test_other_number_text_or_gap_is_mismatched(killed, undisturbed, changes):
    write_table(killed, **changes)
    assert damage(killed, undisturbed) == UNHARMED | {"mismatched": ["student-b"]}


def test_network_that_the_undisturbed_run_lacks_is_mismatched(killed, undisturbed):
    write_network(killed, "student-x")
    models = pd.read_csv(killed / "models.csv")
    stranger = models.iloc[1:2].assign(model_id="student-x")
    pd.concat([models, stranger]).to_csv(killed / "models.csv", index=False)
    assert damage(killed, undisturbed) == UNHARMED | {"mismatched": ["student-x"]}
