"""The live page as a reader sees it: a short study watched in headless Chromium from before its start to its end."""

import csv
import re
import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pareto_search.errors import ConfigError
from pareto_search.report.live.server import serve
from tests.report import live_study
from tests.tiny_study import TINY, start

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.support.ui import WebDriverWait

STUDY = TINY | {
    "cluster": TINY["cluster"] | {"reuse_workers": False},  # slower, so that there is much to see
    "search": TINY["search"] | {
        "n_trials": 4, "pruning": {"grace_epochs": 2, "reduction_factor": 2}, "report_every_epochs": 1,
        "training": TINY["search"]["training"] | {"max_epochs": 6},
    },
}  # fmt: skip


class Page:
    """The live page in a browser."""

    def __init__(self, browser) -> None:
        self.browser = browser

    def text(self, name: str) -> str:
        return self.browser.execute_script("return document.getElementById(arguments[0]).innerText", name)

    def value(self, card: str) -> str:
        return self.text(f"card-{card}").splitlines()[1]

    def note_stages(self) -> None:
        """From now on, note each stage as the page shows it."""
        self.browser.execute_script("""
            window.stages = [];
            const note = () => {
                const name = document.getElementById("card-stage").innerText.split("\\n")[1];
                if (name !== stages.at(-1)) stages.push(name);
            };
            new MutationObserver(note).observe(document.getElementById("cards"), {
                subtree: true, childList: true, characterData: true,
            });
        """)

    def stages_noted(self) -> list[str]:
        return self.browser.execute_script("return window.stages")

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 400) -> None:
        WebDriverWait(self.browser, seconds, poll_frequency=0.2).until(lambda _: condition(), f"{what} never came")

    def rows(self, table: str) -> list[str]:
        script = "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].map(row => row.innerText)"
        return self.browser.execute_script(script, table)

    def find(self, selector: str):
        return self.browser.find_element("css selector", selector)

    def shown(self, selector: str):
        """An element in the middle of the window."""
        element = self.find(selector)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        return element

    def n_refreshes(self) -> int:
        return int(self.find("#cards").get_attribute("data-at"))

    def points(self, figure: str) -> int:
        script = "return document.querySelectorAll(`#${arguments[0]} .scatterlayer .point`).length"
        return self.browser.execute_script(script, figure)

    def x_range(self, figure: str) -> list[float]:
        script = "return document.querySelector(`#${arguments[0]} .js-plotly-plot`)._fullLayout.xaxis.range"
        return self.browser.execute_script(script, figure)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def dashboard(out: Path) -> Iterator[object]:
    process = start("dashboard", out, "--port", 0)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def address(dashboard) -> str:
    said = ""
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/", said)):
        line = dashboard.stdout.readline()
        assert line, dashboard.stderr.read()
        said += line
    return found[0]


def opened(browser, url: str) -> Page:
    browser.get(url)
    page = Page(browser)
    page.wait(lambda: page.find("#cards").get_attribute("data-at"), "the first answer", 60)
    return page


@pytest.fixture
def run(study: Path, out: Path) -> Iterator[Callable[[], object]]:
    processes = []

    def begin():
        processes.append(start("run", study, "--out", out))
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.cluster
def test_a_study_is_watched_from_before_its_start_to_after_its_end(browser, dashboard, run, out: Path) -> None:
    page = opened(browser, address(dashboard))
    assert page.text("name") == "No run yet"
    page.note_stages()
    running = run()
    page.wait(lambda: page.rows("trials"), "a trial")
    assert page.text("name") == "tiny"

    page.wait(lambda: page.points("curves") > 2, "curves")
    zoom_is_kept(page)
    a_trial_is_chosen_and_left(page)

    _, errors = running.communicate(timeout=400)
    assert running.returncode == 0, errors
    page.wait(lambda: page.text("state").startswith("ended after the confirmation"), "the end", 60)
    with (out / "models.csv").open(newline="") as file:
        models = list(csv.DictReader(file))
    page.wait(lambda: page.value("networks") == str(len(models)), "the last network", 60)
    assert page.value("trials") == "4 ended"
    assert len(page.rows("trials")) == 4
    pruned = [model["reason"] for model in models if model["status"] == "pruned"]  # how many depends on measured costs
    assert sorted(row.split("\t")[-1] for row in page.rows("trials") if "pruned" in row) == sorted(pruned)
    assert page.value("left") == "–"
    order = ("teacher", "search", "confirmation")  # a stage that ends before the next refresh is not seen
    seen = [stage for stage in page.stages_noted() if stage in order]
    assert "search" in seen
    assert seen == [stage for stage in order if stage in seen]

    before = page.n_refreshes()
    page.wait(lambda: page.n_refreshes() >= before + 2, "a refresh after the end", 60)
    a_point_is_chosen(page, models)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    dashboard.send_signal(signal.SIGINT)
    _, errors = dashboard.communicate(timeout=60)
    assert (dashboard.returncode, errors) == (0, "")


def a_trial_is_chosen_and_left(page: Page) -> None:
    """By the keyboard: the button of the first row opens the trial's record, Escape closes it."""

    def pressed() -> str | None:
        """The number of the first trial, unless the table was made anew meanwhile."""
        try:
            button = page.find("#trials tbody button")
            number = button.text
            button.send_keys(Keys.ENTER)
        except StaleElementReferenceException:
            return None
        return number

    number = pressed() or pressed() or pressed()
    page.wait(lambda: not page.find("#drawer").get_attribute("hidden"), "the record", 60)
    assert page.find("#details h2").text == f"Trial {number}"
    assert "n_features" in page.text("details")
    assert page.browser.switch_to.active_element.get_attribute("id") == "drawer"
    assert page.find("#trials tr.chosen button").text == number
    page.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.wait(lambda: page.find("#drawer").get_attribute("hidden"), "the end of the record", 60)
    page.wait(lambda: page.browser.switch_to.active_element.text == number, "the focus", 20)


def zoom_is_kept(page: Page) -> None:
    """A part of the figure that the reader has zoomed into stays while curves are added."""
    area, before = page.shown("#curves .nsewdrag"), page.x_range("curves")

    def zoomed() -> list[float] | None:
        """The range after a drag, unless new curves came in the middle of it."""
        drag = ActionChains(page.browser).move_to_element_with_offset(area, -120, 0)
        drag.click_and_hold().move_by_offset(120, 0).move_by_offset(60, 0).release().perform()
        found = page.x_range("curves")
        return found if found[1] - found[0] < 0.6 * (before[1] - before[0]) else None

    page.wait(zoomed, "the zoom", 60)
    zoom, n_points = page.x_range("curves"), page.points("curves")
    page.wait(lambda: page.points("curves") != n_points, "another epoch", 120)
    assert page.x_range("curves") == zoom


def a_point_is_chosen(page: Page, models: list[dict[str, str]]) -> None:
    """A click on the teacher's star opens its record, or that of a student which lies there too."""
    star = page.shown("#front_speed .scatterlayer .trace:last-child .point")
    ActionChains(page.browser).move_to_element(star).pause(0.5).click().perform()
    page.wait(lambda: not page.find("#drawer").get_attribute("hidden"), "the record", 60)
    assert page.find("#details h2").text in {model["model_id"] for model in models}
    page.wait(lambda: page.points("details-curve") or page.find("#details-curve .scatterlayer path.js-line"), "curve")


@pytest.mark.slow
def test_what_cannot_be_followed_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    process = start("dashboard", tmp_path)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (2, "")
    assert errors == f"{tmp_path} is not a run directory: it has no config.yaml; name the --out of a run\n"


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    folder = live_study.begin(tmp_path / "run")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}: it is taken; choose another, such as --port {port + 1}"):
            serve(folder, "127.0.0.1", port, lambda port, is_run: None)
    with pytest.raises(ConfigError, match="cannot listen on 203"):
        serve(folder, "203.0.113.1", 0, lambda port, is_run: None)


@pytest.mark.slow
def test_it_says_where_it_is_and_answers_there(tmp_path: Path) -> None:
    process = start("dashboard", live_study.begin(tmp_path / "run"), "--port", 0)
    url = address(process)
    port = url.rstrip("/").rpartition(":")[2]
    assert f"ssh -L {port}:127.0.0.1:{port}" in process.stdout.readline()
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert b"pareto-search live" in answer.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    process.communicate()
