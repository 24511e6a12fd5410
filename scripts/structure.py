"""Count how the package is built: lines, rooms, `Any`, documented arguments and, with --mypy, type errors.

    python scripts/structure.py                          # the checkout that this file stands in
    python scripts/structure.py --rev main --rev . --mypy --json structure.json

Each --rev is a revision of git, `.` the checkout with what is not committed; of two, the change is shown too. A public
function counts as wide with three parameters or more, `self` and `cls` aside; a wide one should describe them in its
docstring's `Args:`. Files touched are those of the recipes of CONTRIBUTING.md that are kept in tests/recipes. Type
errors are those of `mypy --strict` with the settings in pyproject.toml, but without its `follow_imports = "skip"`, so
that packages which ship types are held to them.
"""

import argparse
import ast
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "pareto_search"
TOP_LEVEL = "(top level)"
RECIPES = Path("tests", "recipes")
TOUCHED = "files touched:"
WIDE = 3
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class FileCount:
    """What one Python file counts.

    Attributes:
        room: The direct subfolder of the package that it is in.
        n_lines: Lines, empty ones too.
        n_any: Uses of `Any`; importing it is none.
        n_wide: Public functions and methods of public classes with three parameters or more.
        n_undocumented: Those whose docstring has no `Args:`.
    """

    room: str
    n_lines: int
    n_any: int
    n_wide: int
    n_undocumented: int


@dataclass(frozen=True)
class Structure:
    """What a revision counts.

    Attributes:
        revision: Its name.
        files: One count for each Python file of the package.
        n_type_errors: What mypy found; None where it was not asked.
        recipes: Files that each kept recipe touches, by its name.
    """

    revision: str
    files: tuple[FileCount, ...]
    n_type_errors: int | None = None
    recipes: Mapping[str, int] = field(default_factory=dict)

    def total(self, name: str, room: str | None = None) -> int:
        """Sum of a count over all files, or those of a room; `n_files` is a count too."""
        chosen = [file for file in self.files if room in (None, file.room)]
        return len(chosen) if name == "n_files" else sum(getattr(file, name) for file in chosen)

    @property
    def rooms(self) -> list[str]:
        """Rooms of the package, the top level first."""
        return sorted({file.room for file in self.files}, key=lambda room: (room != TOP_LEVEL, room))

    def numbers(self) -> dict[str, float]:
        """Every number of the table, by its title."""
        n_wide = self.total("n_wide")
        found = {
            "Python files": self.total("n_files"),
            "Python lines": self.total("n_lines"),
            "Any per 1000 lines": round(1000 * self.total("n_any") / max(1, self.total("n_lines")), 1),
            "wide public functions": n_wide,
            "of these without Args, %": round(100 * self.total("n_undocumented") / max(1, n_wide), 1),
        }
        if self.n_type_errors is not None:
            found["type errors"] = self.n_type_errors
        found |= {f"{TOUCHED} {name}": n_files for name, n_files in self.recipes.items()}
        for room in self.rooms:
            found[f"{room}: files"] = self.total("n_files", room)
            found[f"{room}: lines"] = self.total("n_lines", room)
        return found


def count_package(package: Path) -> Iterator[FileCount]:
    """Counts of every Python file below the folder of a package."""
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        yield count_file(path.read_text(encoding="utf-8"), inside.parts[0] if len(inside.parts) > 1 else TOP_LEVEL)


def count_file(source: str, room: str) -> FileCount:
    """Counts of the text of a Python file."""
    tree = ast.parse(source)
    wide = [function for function in public_functions(tree.body) if n_parameters(function) >= WIDE]
    return FileCount(
        room=room,
        n_lines=len(source.splitlines()),
        n_any=sum(is_any(node) for node in ast.walk(tree)),
        n_wide=len(wide),
        n_undocumented=sum("Args:" not in (ast.get_docstring(function) or "") for function in wide),
    )


def is_any(node: ast.AST) -> bool:
    """Whether a node of a syntax tree is a use of `Any` or `typing.Any`."""
    return (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any")


def public_functions(body: Sequence[ast.stmt]) -> Iterator[Function]:
    """Functions of a module, and methods of its classes, whose names and classes have no leading underscore."""
    for node in body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from public_functions(node.body)
            else:
                yield node


def n_parameters(function: Function) -> int:
    """Parameters of a function that a caller names: without `self`, `cls`, `*args` and `**kwargs`."""
    arguments = function.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in listed)


@contextmanager
def revision_folder(revision: str) -> Iterator[Path]:
    """The files of a revision; `.` is this checkout."""
    if revision == ".":
        yield ROOT
        return
    done = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"structure: {done.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def count_type_errors(root: Path) -> int:
    """Errors of mypy in the package of a checkout, with packages followed that its settings skip."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pyproject.toml"
        config.write_text(follow_all((root / "pyproject.toml").read_text(encoding="utf-8")), encoding="utf-8")
        mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(config), "--cache-dir", folder]
        done = subprocess.run([*mypy, PACKAGE], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"structure: mypy failed: {done.stdout}{done.stderr}")
    return len(re.findall(r": error: ", done.stdout))


def follow_all(pyproject: str) -> str:
    """Settings without the lines that have mypy skip packages."""
    return re.sub(r'(?m)^follow_imports\s*=\s*"skip".*\n', "", pyproject)


def count_recipes(folder: Path) -> dict[str, int]:
    """Files that each diff of a folder touches."""
    return {path.stem: path.read_text(encoding="utf-8").count("\n+++ ") for path in sorted(folder.glob("*.patch"))}


def read_structure(revision: str, *, with_types: bool) -> Structure:
    """Count a revision."""
    with revision_folder(revision) as root:
        files = tuple(count_package(root / PACKAGE))
        return Structure(
            revision, files, count_type_errors(root) if with_types else None, count_recipes(root / RECIPES)
        )


def table(structures: Sequence[Structure]) -> str:
    """The numbers as text: a column for each revision and, of two, one for the change."""
    columns = [structure.numbers() for structure in structures]
    titles = list(dict.fromkeys(title for column in columns for title in column))
    rows = [["", *(structure.revision for structure in structures)]]
    rows += [[title, *(_shown(column.get(title)) for column in columns)] for title in titles]
    if len(columns) == 2:
        before, after = columns
        is_new = [title.startswith(TOUCHED) and title not in before for title in titles]  # nobody counted that before
        changes = [
            "" if new else f"{after.get(title, 0) - before.get(title, 0):+.10g}"
            for title, new in zip(titles, is_new, strict=True)
        ]
        rows = [[*row, change] for row, change in zip(rows, ["change", *changes], strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.10g}"


def plain(structures: Sequence[Structure]) -> list[dict[str, Any]]:
    """The same for a file."""
    return [{"revision": structure.revision, **structure.numbers()} for structure in structures]


def main() -> None:
    """Read the command line, count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rev", action="append", help="revision to count, . for the checkout; may be repeated")
    parser.add_argument("--mypy", action="store_true", help="count type errors too (a minute or more each)")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    arguments = parser.parse_args()
    structures = [read_structure(revision, with_types=arguments.mypy) for revision in arguments.rev or ["."]]
    print(table(structures))
    if arguments.json:
        arguments.json.write_text(json.dumps(plain(structures), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
