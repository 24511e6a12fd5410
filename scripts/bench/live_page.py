"""How long the live page takes to follow a run of many networks: its last trials are replayed one by one.

    python scripts/bench/live_page.py RUN [--trials 30] [--json FILE]

RUN is a finished run directory, such as `python scripts/bench/scale.py --trials 2000 --out RUN` leaves. Measured in
headless Chromium, wall clock, for each refresh: the request (reading what is new, drawing, transfer) and the page's own
work after it (tasks of its main thread that take over 50 ms, as browsers report them). Needs `selenium`, `chromium` and
`chromedriver`.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from selenium import webdriver

from pareto_search.records import CurvePoint, Event, ModelRecord
from pareto_search.run_directory import RunDirectory
from pareto_search.store import ResultReader, ResultStore

#: Seconds between two trials: the page asks every two.
EVERY_S = 2.0
#: Seconds until a page that was just opened has drawn everything.
SETTLE_S = 12.0
OBSERVE = """
window.requests = []; window.tasks = [];
const keep = (type, list, wanted) => new PerformanceObserver(seen => seen.getEntries().filter(wanted).forEach(
  entry => list.push([entry.startTime, entry.duration]))).observe({type});
keep('resource', requests, entry => entry.name.includes('_dash-update'));
keep('longtask', tasks, () => true);
"""


def last_trials(source: Path, n: int) -> tuple[list[ModelRecord], list[Event], dict[int, tuple[list[Any], list[Any]]]]:
    """Networks and events of a run but for its last trials, and those of each of these."""
    with ResultReader(source) as reader:
        marks = reader.model_marks()
        records, events = list(reader.models_at(marks).values()), reader.event_list()
    numbers = [event.trial_id for event in events if event.kind == "trial_ended" and event.trial_id is not None]
    held: dict[int, tuple[list[Any], list[Any]]] = {number: ([], []) for number in numbers[-n:]}

    def is_held(record: ModelRecord) -> bool:
        return record.stage == "search" and record.trial_id in held

    for record in filter(is_held, records):
        held[record.trial_id or 0][0].append(record)
    for event in events:
        if event.trial_id in held:
            held[event.trial_id][1].append(event)
    before = [record for record in records if not is_held(record)]
    return before, [event for event in events if event.trial_id not in held], held


def curve_of(source: Path, model_id: str) -> list[CurvePoint]:
    """A network's learning curve."""
    with ResultReader(source) as reader:
        rows: pd.DataFrame = reader.curve(model_id).drop(columns="model_id")
    return [CurvePoint(**{str(name): value for name, value in row.items()}) for row in rows.to_dict("records")]


def put(store: ResultStore, source: Path, records: list[ModelRecord], events: list[Event]) -> None:
    """Store networks and events as a run does."""
    for record in records:
        store.put(record, curve_of(source, record.model_id))
    for event in events:
        store.add_event(event)


@contextmanager
def page_of(run: Path) -> Iterator[webdriver.Chrome]:
    """The live page of a run in a browser."""
    command = [sys.executable, "-m", "pareto_search.cli", "dashboard", str(run), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    options = webdriver.ChromeOptions()
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.add_argument("--window-size=1440,2400")  # all figures are in view
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        assert server.stdout is not None
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://127\S+", line)))
        browser.get(address)
        yield browser
    finally:
        browser.quit()
        server.terminate()
        server.wait()


def quartiles(values: list[float]) -> dict[str, float]:
    """Median, quartiles and maximum of milliseconds."""
    q25, median, q75, most = np.percentile(values, [25, 50, 75, 100])
    return {"median": round(median, 1), "q25": round(q25, 1), "q75": round(q75, 1), "max": round(most, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    source = RunDirectory(arguments.run)
    records, events, held = last_trials(source.results_sqlite, arguments.trials)
    with tempfile.TemporaryDirectory() as scratch:
        run = RunDirectory(Path(scratch) / "run")
        run.path.mkdir()
        shutil.copy(source.config_yaml, run.config_yaml)
        if source.costs_dir.is_dir():
            shutil.copytree(source.costs_dir, run.costs_dir)
        with ResultStore(run.results_sqlite) as store:
            put(store, source.results_sqlite, records, events)
            with page_of(run.path) as browser:
                time.sleep(SETTLE_S)
                browser.execute_script(OBSERVE)
                for its_records, its_events in held.values():
                    put(store, source.results_sqlite, its_records, its_events)
                    time.sleep(EVERY_S)
                requests, tasks = browser.execute_script("return [requests, tasks]")
    ends = [*(began for began, _ in requests[1:]), np.inf]
    work = [
        sum(took for at, took in tasks if began <= at < end) for (began, _), end in zip(requests, ends, strict=True)
    ]
    took = [duration for _, duration in requests]
    result = {
        "networks": len(records),
        "refreshes": len(requests),
        "request_ms": quartiles(took),
        "page_ms": quartiles(work),
        "refresh_ms": quartiles([one + other for one, other in zip(took, work, strict=True)]),
    }
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
