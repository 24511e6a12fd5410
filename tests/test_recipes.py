"""Recipes of CONTRIBUTING.md, kept as diffs: each applies to the package, touches the files it names, and works."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "tests" / "recipes"
# Recipe: how many files of the package it may touch.
MOST_FILES = {"source": 3, "figure": 1, "export": 1, "objective": 3, "family": 2, "stress": 6}
COUNTS = ("no files", "one file", "two files", "three files", "four files", "five files", "six files")


def test_every_kept_recipe_is_checked():
    """What it does is tested in a file beside it."""
    checks = {path.stem for path in RECIPES.glob("*.py")} - {"__init__"}
    assert {path.stem for path in RECIPES.glob("*.patch")} == checks == MOST_FILES.keys()


@pytest.mark.parametrize("name", MOST_FILES)
def test_a_recipe_names_its_files(name):
    recipes = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## Recipes\n")[1].split("\n\n")
    (text,) = [recipe for recipe in recipes if f"`{name}.patch`" in recipe]
    touched = re.findall(r"(?m)^diff --git a/pareto_search/(\S+)", (RECIPES / f"{name}.patch").read_text("utf-8"))
    assert sorted(re.findall(r"`([\w/]+\.py)`", text)) == sorted(touched)
    assert len(touched) <= MOST_FILES[name]
    assert COUNTS[len(touched)] in text


@pytest.mark.parametrize("name", MOST_FILES)
def test_a_recipe_applies(name):
    subprocess.run(["git", "apply", "--check", RECIPES / f"{name}.patch"], cwd=ROOT, check=True)


@pytest.mark.slow
def test_the_recipes_work(tmp_path):
    """All in one package: none is in the way of another."""
    shutil.copytree(ROOT / "pareto_search", tmp_path / "pareto_search")
    for name in MOST_FILES:
        subprocess.run(["git", "apply", RECIPES / f"{name}.patch"], cwd=tmp_path, check=True)
    done = _check(MOST_FILES, tmp_path)
    assert done.returncode == pytest.ExitCode.OK, done.stdout


@pytest.mark.slow
def test_no_recipe_works_before_it_is_applied():
    done = _check(MOST_FILES, ROOT)
    assert set(re.findall(r"(?m)^FAILED .*?(\w+)\.py::", done.stdout)) == MOST_FILES.keys(), done.stdout


def _check(names: Iterable[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the checks of recipes on the package of a folder."""
    options = ["-p", "no:cacheprovider", "--import-mode=append"]  # what is on the path already comes first
    command = [sys.executable, "-m", "pytest", *options, *(str(RECIPES / f"{name}.py") for name in names)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
