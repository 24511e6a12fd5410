"""The workers' side of a search with closed-form objectives in place of training; loads quickly."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray

from pareto_search.search.messages import Costs

#: Epochs of a whole trial; it reports at epochs 1 and 3 too.
N_EPOCHS = 9


@dataclass(frozen=True)
class Shared:
    """What a trial reads.

    Attributes:
        folder: Trials leave notes here; those with behaviour "wait" end when `go` appears, those with "timed" when
            another is under way, noting from when to when, as measurements do; with "hang" the second never ends.
        numbers: Something large enough for the object store.
    """

    folder: Path
    numbers: np.ndarray
    behaviour: str = "plain"

    def __reduce__(self) -> Any:
        with (self.folder / "pickled").open("a") as file:
            file.write("x")
        return Shared, (self.folder, self.numbers, self.behaviour)


def make_shared(folder: Path, behaviour: str = "plain") -> Shared:
    return Shared(folder, np.arange(100_000, dtype=np.float64), behaviour)


def objectives(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "valid_force_rmse_ev_per_ang": 1.0 / params["n_features"] + 1.0 / params["n_sensitivities"],
        "md_us_per_atom_step": 0.1 * params["n_features"] * params["n_sensitivities"],
        "max_atoms": 10_000_000 // (params["n_features"] * params["n_sensitivities"]),
    }


def costs_of(values: dict[str, Any]) -> Costs:
    costs = {name: values[name] for name in ("md_us_per_atom_step", "max_atoms")}
    return Costs({**costs, "bytes_per_atom": 1e9 / values["max_atoms"]})


@contextmanager
def timed(shared: Shared, what: str) -> Iterator[None]:
    """Note in `intervals` what began and ended when, if that is asked for; a trial ends once another is under way.

    Where none can be, for what it waits for waits for the GPU too, it ends all the same.
    """
    begun = time.monotonic()
    yield
    if shared.behaviour == "timed":
        mark = shared.folder / f"{what}-{os.getpid()}.open"
        mark.touch()
        while what == "trial" and len(list(shared.folder.glob("trial-*.open"))) < 2 and time.monotonic() < begun + 20:
            time.sleep(0.05)
        time.sleep(0.2)  # long enough for the other one to see this one
        mark.unlink()
        with (shared.folder / "intervals").open("a") as file:
            file.write(json.dumps([what, begun, time.monotonic()]) + "\n")


def fake_trial(shared: Shared, params: dict[str, Any], report: Any) -> dict[str, Any]:
    with timed(shared, "trial"):
        return _fake_trial(shared, params, report)


def _fake_trial(shared: Shared, params: dict[str, Any], report: Any) -> dict[str, Any]:
    number = params["trial_number"]
    values = objectives(params)
    with (shared.folder / f"trial-{number}.jsonl").open("a") as file:
        file.write(json.dumps(params) + "\n")
    with (shared.folder / "nodes").open("a") as file:
        file.write(ray.get_runtime_context().get_node_id() + "\n")
    for epoch in (1, 3):
        error = values["valid_force_rmse_ev_per_ang"] * (1 + 1 / epoch)
        report({**values, "valid_force_rmse_ev_per_ang": error, "epoch": epoch})
    if shared.behaviour == "wait":
        while not (shared.folder / "go").exists():
            time.sleep(0.02)
    while shared.behaviour == "hang" and number == 1:
        time.sleep(0.02)
    if shared.behaviour == "unlucky" and number == 0:
        raise ValueError("this one\nfails")
    if shared.behaviour == "unlucky" and number == 1:
        values["md_us_per_atom_step"] = float("nan")
    if shared.behaviour == "unlucky" and number == 2:
        del values["max_atoms"]
    zero_copy = not shared.numbers.flags.writeable and not shared.numbers.flags.owndata
    return {
        **values,
        "epoch": N_EPOCHS,
        "model_ids": [f"student-{number}"],
        "n_trained_epochs": N_EPOCHS,
        "is_zero_copy": zero_copy,
    }


def fake_costs(shared: Shared, params: dict[str, Any]) -> Costs:
    with timed(shared, "costs"), (shared.folder / "measured").open("a") as file:
        file.write(json.dumps(params) + "\n")
    values = objectives(params)
    return costs_of(values)
