import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pareto_search.config import StudyConfig
from pareto_search.errors import StoreError
from pareto_search.files import write_atomic
from pareto_search.run_directory import open_run

PLAIN: dict[str, Any] = {
    "name": "quickstart",
    "data": {"source": "emt-aluminum"},
    "search": {"n_trials": 4},
    "measure": {"structure": {"symbol": "Al"}},
}


def config(**changes: Any) -> StudyConfig:
    """The config with settings changed, written section__key=value."""
    plain = yaml.safe_load(yaml.safe_dump(PLAIN))
    for name, value in changes.items():
        *sections, key = name.split("__")
        target = plain
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = value
    return StudyConfig.model_validate(plain)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_first_use_writes_the_resolved_config(tmp_path: Path) -> None:
    with open_run(tmp_path / "a" / "run", config()) as directory:
        assert directory.path == (tmp_path / "a" / "run").resolve()
        assert yaml.safe_load(directory.config_yaml.read_text()) == config().to_plain()
    with open_run(tmp_path / "a" / "run", config()):
        pass


@pytest.mark.parametrize(
    "change",
    [
        {"search__n_trials": 6},
        {"confirm__n_seeds": 9},
        {"confirm__max_front": 20},
        {"confirm__n_ladder": 5},
        {"description": "again"},
        {"cluster__max_concurrent_trials": 1},
        {"cluster__dashboard": False},
        {"search__report_every_epochs": 1},
        {"measure__liquid": {"n_atoms": 32}},
    ],
)
def test_budgets_may_grow_and_neutral_settings_may_differ(tmp_path: Path, change: dict[str, Any]) -> None:
    with open_run(tmp_path, config()):
        pass
    with open_run(tmp_path, config(**change)) as directory:
        assert yaml.safe_load(directory.config_yaml.read_text()) == config(**change).to_plain()


def test_settings_of_the_liquid_may_come_and_change_and_stay(tmp_path: Path) -> None:
    for liquid, n_bins in ((None, None), ({"n_atoms": 32}, 160), ({"seed": 1, "n_bins": 40}, 40), (None, 40)):
        with open_run(tmp_path, config(measure__liquid=liquid)) as directory:
            found = yaml.safe_load(directory.config_yaml.read_text())["measure"]["liquid"]
            assert (found or {}).get("n_bins") == n_bins


def test_another_config_is_refused_with_both_values_and_nothing_is_written(tmp_path: Path) -> None:
    with open_run(tmp_path, config()):
        pass
    before = snapshot(tmp_path)
    changed = config(search__n_trials=3, data__seed=5, search__space={"n_features": 64})
    with pytest.raises(StoreError) as caught, open_run(tmp_path, changed):
        pass
    message = str(caught.value)
    assert "search.n_trials: 4 there, 3 now" in message
    assert "data.seed: 0 there, 5 now" in message
    assert "search.space.n_features" in message
    assert "--out" in message
    assert snapshot(tmp_path) == before


def test_other_objectives_are_refused(tmp_path: Path) -> None:
    usual = ["valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms"]
    with open_run(tmp_path, config()):
        pass
    for others in (usual[:2], [*usual, "bytes_per_atom"]):
        with (
            pytest.raises(StoreError, match=r"search\.objectives: \['valid_force.*'\] there, "),
            open_run(tmp_path, config(search__objectives=others)),
        ):
            pass
    with open_run(tmp_path, config(search__objectives=usual)):
        pass


def test_a_directory_in_use_is_refused_until_its_user_dies(tmp_path: Path) -> None:
    code = (
        "import sys, time, yaml\n"
        "from pathlib import Path\n"
        "from pareto_search.config import StudyConfig\n"
        "from pareto_search.run_directory import open_run\n"
        "config = StudyConfig.model_validate(yaml.safe_load(sys.argv[2]))\n"
        "with open_run(Path(sys.argv[1]), config):\n"
        "    sys.stdout.write('open\\n'); sys.stdout.flush(); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), yaml.safe_dump(PLAIN)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "open\n"
            with (
                pytest.raises(StoreError, match=f"in use by process {holder.pid} on .* since 2"),
                open_run(tmp_path, config()),
            ):
                pass
        finally:
            holder.kill()
    with open_run(tmp_path, config()) as directory:
        assert directory.lock.read_text().startswith(f"process {os.getpid()} ")


def test_a_full_directory_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match="not a run directory"), open_run(tmp_path, config()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match="is a file"), open_run(tmp_path / "run", config()):
        pass
    with pytest.raises(StoreError, match="cannot be used"), open_run(tmp_path / "run" / "below", config()):
        pass


def test_a_damaged_config_is_refused(tmp_path: Path) -> None:
    with open_run(tmp_path, config()) as directory:
        pass
    directory.config_yaml.write_text("name: [")
    with pytest.raises(StoreError, match=r"config\.yaml is damaged"), open_run(tmp_path, config()):
        pass


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that this process may not write, also where tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(user)
        folder.chmod(0o755)


def test_a_read_only_directory_is_refused(read_only_folder: Path) -> None:
    with pytest.raises(StoreError, match="make it writable"), open_run(read_only_folder, config()):
        pass
    with pytest.raises(StoreError, match="make it writable"), open_run(read_only_folder / "run", config()):
        pass
    with pytest.raises(StoreError, match="could not be written"):
        write_atomic(read_only_folder / "file", "text")


def test_an_atomic_write_replaces_the_whole_file_and_leaves_no_other(tmp_path: Path) -> None:
    write_atomic(tmp_path / "below" / "file", "long content, Å")
    write_atomic(tmp_path / "below" / "file", b"short")
    assert snapshot(tmp_path) == {str(tmp_path / "below" / "file"): b"short"}
