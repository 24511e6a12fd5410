"""The package as others get it: a wheel, in an environment that knows nothing of this folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: The quick start at a size that takes seconds.
CUT_DOWN = {
    "data.n_frames": 20,
    "teacher.architecture.n_features": 8,
    "teacher.training.max_epochs": 5,
    "search.space.n_features.low": 4,
    "search.space.n_features.high": 8,
    "search.n_trials": 2,
    "search.pruning": "null",
    "search.training.max_epochs": 2,
    "confirm.n_seeds": 1,
    "confirm.max_front": 1,
    "confirm.controls": "[paper]",
    "measure.n_atoms": 32,
    "measure.n_steps": 5,
    "measure.n_warmup_steps": 0,
    "measure.memory_budget_gib": 0.004,
    "measure.rel_tol": 0.5,
    "cluster.dashboard": "false",
    "cluster.reuse_workers": "true",  # each takes seconds to load torch
    "cluster.max_concurrent_trials": 1,
}

pytestmark = pytest.mark.slow


def project_files() -> list[str]:
    """Files of the project, from its root: those that git tracks or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("git does not know this folder, so what belongs to the project is not known either")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def bare_environment() -> dict[str, str]:
    """Variables of a shell that has heard nothing of this folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL_"))}
    return kept | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: what an earlier build left behind is not in it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in project_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(target), str(source)], check=True, cwd=target, env=bare_environment())
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an environment that holds the wheel and sees, of the present one, what others have made."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, cwd=folder, env=bare_environment())
    # Then, a path alone: that folder's own .pth files, by which an editable install is found, are not read.
    site_packages = next(folder.glob("lib/python*/site-packages"))
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_every_file_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {name for name in project_files() if name.startswith("pareto_search/")}
    assert {name for name in names if name.startswith("pareto_search/")} == expected
    assert "pareto_search/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {"pareto_search", "pareto_search-0.1.0.dist-info"}


def test_the_environment_holds_the_wheel_and_not_this_folder(installed):
    code = "import pareto_search, sys; print(pareto_search.__file__); print(*sys.path, sep='\\n')"
    command = [str(installed / "bin" / "python"), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=installed, env=bare_environment())
    found, *path = done.stdout.splitlines()
    assert Path(found).is_relative_to(installed)
    assert str(ROOT) not in path


@pytest.mark.cluster
def test_the_quick_start_runs_from_the_wheel(installed, tmp_path):
    shutil.copy(ROOT / "configs" / "quickstart.yaml", tmp_path)
    settings = [word for name, value in CUT_DOWN.items() for word in ("--set", f"{name}={value}")]
    command = [str(installed / "bin" / "pareto-search"), "run", "quickstart.yaml", "--out", "run", *settings]
    environment = bare_environment() | {"PARETO_SEARCH_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for name in ("page.css", "page.js", "theme.js"):
        (part,) = (ROOT / "pareto_search").rglob(name)
        assert part.read_text(encoding="utf-8").strip() in report
