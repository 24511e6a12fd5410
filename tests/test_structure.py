"""The script that counts how the package is built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
ROOM = '''"""A room."""
from typing import Any
import typing


def wide(a: Any, b: int, *, c: typing.Any) -> None:
    """Wide, and says so.

    Args:
        a: One.
    """


def narrow(a: int, b: int, *rest: int, **named: int) -> None:
    """Two that a caller names."""

    def inside(a, b, c):
        pass


async def undocumented(a, b, c): ...


def _private(a, b, c): ...


class Public:
    """A class."""

    def method(self, a, b, c):
        """No list of Args."""

    @classmethod
    def short(cls, a, b):
        pass

    def __call__(self, a, b, c): ...


class _Hidden:
    def method(self, a, b, c): ...
'''


@pytest.fixture
def structure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import structure

    return structure


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {"top.py": "x: 'Any' = 1\n\n", "room/one.py": ROOM, "room/deep/two.py": "y = 2", "room/page.js": "Any"}
    for name, text in files.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "package"


def test_a_small_package_is_counted(structure, package):
    numbers = structure.Structure("made-up", tuple(structure.count_package(package))).numbers()
    n_lines = len(ROOM.splitlines())
    assert numbers == {
        "Python files": 3,
        "Python lines": n_lines + 3,
        "Any per 1000 lines": round(2000 / (n_lines + 3), 1),  # wide's a and c
        "wide public functions": 3,  # wide, undocumented, Public.method
        "of these without Args, %": 66.7,
        "(top level): files": 1,
        "(top level): lines": 2,
        "room: files": 2,
        "room: lines": n_lines + 1,
    }


def test_the_change_between_two_revisions_is_shown(structure, package):
    before = structure.Structure("one", tuple(structure.count_package(package)), n_type_errors=7, recipes={"old": 5})
    (package / "room" / "deep" / "two.py").unlink()
    (package / "new").mkdir()
    (package / "new" / "three.py").write_text("z = 3\n\n\n")
    recipes = {"old": 2, "kept": 3}
    after = structure.Structure("two", tuple(structure.count_package(package)), n_type_errors=3, recipes=recipes)
    rows = {line.rsplit(maxsplit=3)[0]: line.split()[-3:] for line in structure.table([before, after]).splitlines()[1:]}
    assert rows["Python files"] == ["3", "3", "+0"]
    assert rows["room: lines"][2] == "-1"
    assert rows["new: lines"] == ["–", "3", "+3"]
    assert rows["type errors"] == ["7", "3", "-4"]
    assert rows["files touched: old"] == ["5", "2", "-3"]
    assert structure.table([before, after]).count("files touched: kept") == 1  # which nobody counted before


def test_packages_that_ship_types_are_followed(structure):
    settings = (
        '[[tool.mypy.overrides]]\nmodule = ["a.*"]\nignore_missing_imports = true\nfollow_imports = "skip"\n[x]\n'
    )
    assert structure.follow_all(settings) == settings.replace('follow_imports = "skip"\n', "")


def test_revisions_of_this_project_are_read(tmp_path):
    """Also the checkout, and into a file."""
    command = [sys.executable, str(SCRIPTS / "structure.py"), "--rev", "HEAD", "--rev", ".", "--json"]
    done = subprocess.run([*command, str(tmp_path / "out.json")], capture_output=True, text=True, cwd=tmp_path)
    if "not a git repository" in done.stderr:
        pytest.skip("this folder is not under git")
    assert done.returncode == 0, done.stderr
    head, here = json.loads((tmp_path / "out.json").read_text())
    listed = list((SCRIPTS.parent / "pareto_search").rglob("*.py"))
    assert (head["revision"], here["revision"]) == ("HEAD", ".")
    assert here["Python files"] == len(listed)
    assert here["Python lines"] == sum(len(path.read_text().splitlines()) for path in listed)
    assert {name: n for name, n in here.items() if name.startswith("files touched: ")} == {
        f"files touched: {path.stem}": path.read_text().count("diff --git ")
        for path in (SCRIPTS.parent / "tests" / "recipes").glob("*.patch")
    }
    unknown = subprocess.run([*command[:2], "--rev", "no-such"], capture_output=True, text=True)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no-such" in unknown.stderr
