"""What the project says of its version and license, in several places, agrees."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_versions_agree():
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert headings[:2] == ["Unreleased", PROJECT["version"]]
    assert CITATION["version"] == PROJECT["version"]


def test_the_license_is_the_stated_one():
    assert PROJECT["license"] == CITATION["license"] == "BSD-3-Clause"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License\n\nCopyright (c) 2026")


def test_the_citation_names_the_papers_of_the_readme():
    assert CITATION["cff-version"] == "1.2.0"
    papers = (ROOT / "README.md").read_text(encoding="utf-8").split("## Citations")[1]
    for paper in CITATION["references"]:
        assert paper["authors"][0]["family-names"] in papers
        assert str(paper["year"]) in papers
        assert str(paper.get("start", paper["journal"])) in papers
    assert len(CITATION["references"]) == papers.count("(20")


def test_everything_that_is_installed_for_development_is_pinned():
    pinned = re.findall(r"(?m)^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"))
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    asked = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", text)[0]).lower() for text in wanted}
    assert not asked - names
