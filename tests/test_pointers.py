"""The project stands alone: its text names no file that it does not hold."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Documents and folders that are no part of the project.
ELSEWHERE = re.compile(r"\bDESIGN\b|\bSTYLE\.md\b|\.\./shared\b|\bpaper\.txt\b")
#: A file of the project, from its root.
NAMED = re.compile(
    r"(?<![\w./-])(?:docs|scripts|configs|tests|dashboards|pareto_search)/[\w./-]*\.(?:py|md|yaml|sh|js|css|ipynb|json|png)\b"
)
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".cff", ".js", ".css", ".ipynb", ".txt"}


def pointers(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    """Line and text of every match."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield from ((number, match) for match in pattern.findall(line))


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Text of every file that people wrote and git tracks, by its path."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("git does not know this folder, so what belongs to the project is not known either")
    names = [name for name in listed.stdout.splitlines() if Path(name).suffix in TEXT and (ROOT / name).is_file()]
    made = (
        "docs/reproduction/",
        "tests/test_docs.py",
        "tests/test_pointers.py",
    )  # the tests name files that are not there
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in names if not name.startswith(made)}


def test_nothing_points_at_what_lies_elsewhere(texts):
    assert len(texts) > 200
    assert not [(name, *found) for name, text in texts.items() for found in pointers(ELSEWHERE, text)]


def test_files_that_are_named_exist(texts):
    named = [(name, *found) for name, text in texts.items() for found in pointers(NAMED, text)]
    assert len(named) > 50
    assert not [pointer for pointer in named if not (ROOT / pointer[2]).exists()]


@pytest.mark.parametrize(
    "text", ["see DESIGN section 4", "DESIGN.md, 9", "as in STYLE.md", "../shared/data", "paper.txt"]
)
def test_pointers_are_seen(text):
    assert [line for line, _ in pointers(ELSEWHERE, f"first\n{text}")] == [2]


def test_other_words_are_none():
    assert not list(pointers(ELSEWHERE, "DESIGNS STYLE_FILE, the paper's section 5, /shared/runs, style.css"))
