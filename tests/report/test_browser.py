"""The pages as a reader sees them, in headless Chromium."""

from pathlib import Path

import pytest
import synthetic

from pareto_search.report.dataset_page import write_dataset_page
from pareto_search.report.page import write_report

WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui", reason="selenium is not installed").WebDriverWait
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(browser, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("report")
    data = synthetic.report_input(factors={"paper": 1.0, "ablation": 0.95}, noise=0.01, n_search=10)
    write_report(data, folder / "report.html", folder / "report.json")
    browser.get((folder / "report.html").as_uri())
    return browser


def column(page, table: str, index: int) -> list[str]:
    script = (
        f"return Array.from(document.querySelectorAll('#{table} tbody tr')).filter(r => !r.hidden)"
        f".map(r => r.cells[{index}].dataset.v ?? r.cells[{index}].textContent)"
    )
    return page.execute_script(script)


def test_every_figure_is_drawn_without_errors(report) -> None:
    counts = report.execute_script(
        "return Array.from(document.querySelectorAll('.plot'))"
        ".map(p => p.querySelectorAll('svg.main-svg .trace.scatter').length)"
    )
    assert len(counts) == 7
    assert min(counts) >= 2
    assert [entry for entry in report.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_click_sorts_and_a_second_click_turns_the_order(report) -> None:
    heads = report.find_elements("css selector", "#networks th")
    index = [head.text.split("\n")[0] for head in heads].index("Weights")
    report.execute_script("arguments[0].querySelector('button').click()", heads[index])
    rising = [float(v) for v in column(report, "networks", index)]
    assert rising == sorted(rising)
    assert heads[index].get_attribute("aria-sort") == "ascending"
    report.execute_script("arguments[0].querySelector('button').click()", heads[index])
    assert [float(v) for v in column(report, "networks", index)] == sorted(rising, reverse=True)
    assert heads[index].get_attribute("aria-sort") == "descending"
    # Numbers that are not known stay last in both orders.
    index = [head.text.split("\n")[0] for head in heads].index("Force test")
    for _ in range(2):
        report.execute_script("arguments[0].querySelector('button').click()", heads[index])
        assert column(report, "networks", index)[-1] == ""


def test_the_filter_keeps_matching_rows(report) -> None:
    box = report.find_element("css selector", "input[data-filters]")
    box.send_keys("student confirm 12/8/1")
    assert len(column(report, "networks", 0)) == 4
    assert report.find_element("id", "networks-count").text.startswith("4 of ")
    box.clear()
    box.send_keys(" ")


def test_the_menu_changes_the_learning_curves(report) -> None:
    shown = "return document.querySelector('[data-figure=fig4]').data.map(t => t.visible)"
    before = report.execute_script(shown)
    report.execute_script(
        "const m = document.getElementById('curve-menu'); m.selectedIndex = 3; m.dispatchEvent(new Event('change'))"
    )
    after = report.execute_script(shown)
    assert sum(before) == sum(after) == 24
    assert not any(a and b for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("width", [1440, 1024])
def test_no_horizontal_scroll(report, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    report.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wait = WebDriverWait(report, 10)  # plots are redrawn a moment after the window has changed
    wait.until(lambda page: page.execute_script("return document.documentElement.scrollWidth") <= width)
    wait.until(lambda page: page.execute_script(
        "return [...document.querySelectorAll('.plot .main-svg')].every("
        "svg => svg.getBoundingClientRect().right <= svg.closest('.panel').getBoundingClientRect().right)"
    ))  # fmt: skip
    tops = report.execute_script(
        "return ['fig2a', 'fig2b'].map(id => Math.round(document.getElementById(id).getBoundingClientRect().top))"
    )
    assert (tops[0] == tops[1]) is (width == 1440)
    report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dataset_page_draws_its_histograms(browser, tmp_path: Path) -> None:
    histograms = {"force_ev_per_ang": {"counts": [5, 9, 2], "edges": [0.0, 1.0, 2.0, 3.0]}}
    write_dataset_page({"name": "demo", "histograms": histograms}, tmp_path / "data.html")
    browser.get((tmp_path / "data.html").as_uri())
    assert len(browser.find_elements("css selector", ".plot .bars .point")) == 3
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
