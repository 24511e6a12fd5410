"""The workers' side of a search with closed-form objectives in place of training; loads quickly."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pareto_search.search.results import Costs

#: Epochs of a whole trial; it reports at epochs 1 and 3 too.
N_EPOCHS = 9


@dataclass(frozen=True)
class Shared:
    """What a trial reads.

    Attributes:
        folder: Trials leave notes here; those with behaviour "wait" end when `go` appears.
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


def fake_trial(shared: Shared, params: dict[str, Any], report: Any) -> dict[str, Any]:
    number = params["trial_number"]
    values = objectives(params)
    with (shared.folder / f"trial-{number}.jsonl").open("a") as file:
        file.write(json.dumps(params) + "\n")
    for epoch in (1, 3):
        error = values["valid_force_rmse_ev_per_ang"] * (1 + 1 / epoch)
        report({**values, "valid_force_rmse_ev_per_ang": error, "epoch": epoch})
    if shared.behaviour == "wait":
        while not (shared.folder / "go").exists():
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
    with (shared.folder / "measured").open("a") as file:
        file.write(json.dumps(params) + "\n")
    values = objectives(params)
    return Costs(values["md_us_per_atom_step"], values["max_atoms"], 1e9 / values["max_atoms"])
