"""The project stands alone and whole: its text names no file that it does not hold, and no merge was left half done."""

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


def conflicts(folder: Path) -> list[str]:
    """Markers of a merge that git left to people, as file:line:text, in all text that git tracks in a folder."""
    command = ["git", "grep", "-nIE", r"^(<{7} |\|{7} |={7}$|>{7} )"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if found.returncode not in (0, 1):
        pytest.skip("git does not know this folder, so what belongs to the project is not known either")
    return found.stdout.splitlines()


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


def test_no_merge_is_left_half_done():
    assert not conflicts(ROOT)


def test_conflicts_are_seen(tmp_path):
    lines = ["a = 1", "<" * 7 + " HEAD", "b = 2", "=" * 7, "b = 3", ">" * 7 + " other", "=" * 8, "<<" * 7 + " c"]
    (tmp_path / "module.py").write_text("\n".join(lines))
    for command in (["init", "-q"], ["add", "module.py"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert [line.split(":")[1] for line in conflicts(tmp_path)] == ["2", "4", "6"]


@pytest.mark.parametrize(
    "text", ["see DESIGN section 4", "DESIGN.md, 9", "as in STYLE.md", "../shared/data", "paper.txt"]
)
def test_pointers_are_seen(text):
    assert [line for line, _ in pointers(ELSEWHERE, f"first\n{text}")] == [2]


def test_other_words_are_none():
    assert not list(pointers(ELSEWHERE, "DESIGNS STYLE_FILE, the paper's section 5, /shared/runs, style.css"))
