"""Recipes of CONTRIBUTING.md, kept as diffs: each applies to the package, in as few files as promised, and works."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "tests" / "recipes"

# Recipe: (files that it touches, what shows that the package took it up).
RECIPE_CHECKS = {
    "figure": (
        1,
        "from pareto_search.report.figures.entry import all_figures\n"
        "assert [entry.name for entry in all_figures()].count('fig5c') == 1",
    ),
    "export": (
        1,
        "from pareto_search.potential.exports import export_kinds, export_named\n"
        "assert 'summary' in export_kinds() and export_named('summary').how_to_read",
    ),
}


def test_every_kept_recipe_is_checked():
    assert {path.stem for path in RECIPES.glob("*.patch")} == RECIPE_CHECKS.keys()


@pytest.mark.parametrize("name", RECIPE_CHECKS)
def test_a_recipe_applies_and_works(name, tmp_path):
    n_files, check = RECIPE_CHECKS[name]
    shutil.copytree(ROOT / "pareto_search", tmp_path / "pareto_search", ignore=shutil.ignore_patterns("__pycache__"))
    patch = str(RECIPES / f"{name}.patch")
    touched = subprocess.run(
        ["git", "apply", "--numstat", patch], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(touched.stdout.splitlines()) == n_files
    with pytest.raises(subprocess.CalledProcessError):
        _python(check, tmp_path)
    subprocess.run(["git", "apply", patch], cwd=tmp_path, check=True)
    _python(check, tmp_path)


def _python(code: str, folder: Path) -> None:
    """Run code with the package of a folder: `-c` looks there first."""
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
