"""The documentation: it builds without a warning, and what is wrong in it fails the build."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pareto_search as ps

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("mkdocs.yml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "scripts", "pareto_search")


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """What the documentation is made from, to break."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_file():
            shutil.copy(source, tmp_path / name)
        else:
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.gz"))
    return tmp_path


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.slow
def test_every_public_name_is_documented(site):
    page = (site / "api" / "index.html").read_text(encoding="utf-8")
    headings = set(re.findall(r'<h\d id="pareto_search\.([\w.]+)"', page))
    assert set(ps.__all__) <= headings
    assert {"study.StudyReport", "results.Results", "potential.trained.TrainedPotential"} <= headings


@pytest.mark.slow
def test_the_settings_have_their_types_defaults_and_descriptions(site):
    page = (site / "api" / "config.html").read_text(encoding="utf-8")
    entry = re.search(r'<h\d id="pareto_search\.config\.SearchSettings\.n_trials".*?(?=<h\d)', page, re.DOTALL)
    text = " ".join(re.sub(r"<[^>]+>", "", entry[0]).split())
    assert "n_trials: PositiveInt | None = 40" in text
    assert "trials to finish, pruned ones included" in text


@pytest.mark.slow
def test_pages_load_nothing_from_a_network(site):
    reports = site / "reproduction"  # of the package's own, which say where plotly.js is from
    pages = [page for page in site.rglob("*.html") if reports not in page.parents]
    assert len(pages) > 10
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//', text), page
        assert not re.findall(r'<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*href="(?:https?:)?//', text), page


@pytest.mark.slow
def test_broken_links_and_docstrings_fail_the_build(copied):
    append(copied / "README.md", "\n[gone](docs/gone.md)\n")
    append(copied / "docs" / "search.md", "\n[nowhere](engine.md#no-such-heading)\n")
    append(copied / "docs" / "teaching.md", "\n[a name][pareto_search.gone]\n")
    append(
        copied / "pareto_search" / "errors.py",
        '\ndef wrong(x: int) -> int:\n    """The same.\n\n    Args:\n        y: Is not there.\n    """\n    return x\n',
    )
    done = build(copied, copied / "site")
    assert done.returncode != 0
    warnings = "".join(line for line in done.stderr.splitlines(keepends=True) if line.startswith("WARNING"))
    for complaint in (
        "'index.md' contains a link 'gone.md'",
        "'engine.md#no-such-heading'",
        "Could not find cross-reference target 'pareto_search.gone'",
        "Parameter 'y' does not appear in the function signature",
    ):
        assert complaint in warnings


@pytest.mark.slow
def test_a_name_that_is_gone_fails_the_build(copied):
    append(copied / "docs" / "api" / "testing.md", "\n::: pareto_search.no_such_function\n")
    done = build(copied, copied / "site")
    assert done.returncode != 0
    assert "pareto_search.no_such_function could not be found" in done.stderr


def test_links_of_the_readme_hold_on_the_site(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from docs_pages import site_links

    assert site_links("[a](docs/a.md#b), [c](CHANGELOG.md), [d](https://d.org/docs/x)") == (
        "[a](a.md#b), [c](changelog.md), [d](https://d.org/docs/x)"
    )
