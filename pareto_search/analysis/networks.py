"""From rows of `models.csv` to seed-averaged networks: which rows carry claims, and what is averaged over seeds."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.objectives import LEARNED, OBJECTIVES
from pareto_search.records import MODEL_COLUMNS, MODEL_DEFAULTS

Split = Literal["test", "valid"]

#: What identifies an architecture in `models.csv`.
ARCHITECTURE_COLUMNS = (
    "n_features",
    "n_sensitivities",
    "n_atom_layers",
    "n_interaction_layers",
    "l_max",
    "dist_soft_max_ang",
    "dist_hard_max_ang",
    "activation",
    "family",
    "n_max",
)
WEIGHT_COLUMNS = ("weight_energy", "weight_forces", "weight_atomic_energy", "weight_teacher_forces")
#: Settings of the training that a space may hold.
TRAINING_COLUMNS = ("learning_rate", "batch_size")
#: What networks share that differ in their seeds alone.
NETWORK_KEYS = (
    "stage", "role", "control_kind", "generation", *ARCHITECTURE_COLUMNS, *WEIGHT_COLUMNS, *TRAINING_COLUMNS,
)  # fmt: skip
#: Costs belong to the architecture: those of its networks are equal, so a median returns the measured number unrounded.
COST_COLUMNS = (*(name for name, objective in OBJECTIVES.items() if not objective.is_learned), "n_weights")

_TEXT_COLUMNS = (
    "model_id", "stage", "role", "control_kind", "status", "reason", "engine", "device", "dataset_hash", "label_hash",
    "activation", "family",
)  # fmt: skip
_NUMBER_COLUMNS = tuple(name for name in MODEL_COLUMNS if name not in _TEXT_COLUMNS)

#: Columns of the frame that `average_networks` returns.
NETWORK_COLUMNS = (
    *NETWORK_KEYS, "label", "n", "seeds", "model_ids", "best_model_id", *COST_COLUMNS,
    *(objective.claim_column for objective in LEARNED), "force_rmse_std_ev_per_ang", "energy_rmse_std_ev_per_atom",
    "test_force_rmse_ev_per_ang", *(objective.column for objective in LEARNED), "rdf_error", "rdf_error_std",
    "n_md_went_wrong", "n_epochs", "train_s", "engine", "split",
)  # fmt: skip


#: Columns averaged over seeds whatever the split.
_MEAN_COLUMNS = (
    "test_force_rmse_ev_per_ang", *(objective.column for objective in LEARNED), "rdf_error", "n_epochs", "train_s",
)  # fmt: skip


@dataclass(frozen=True)
class Basis:
    """Where claims come from.

    Attributes:
        stage: "confirm", or "search" where nothing was confirmed.
        split: Part of the data on which errors are stated.
        reason: Why it is not the test split of the confirmation, in words; None if it is.
    """

    stage: Literal["confirm", "search"]
    split: Split
    reason: str | None = None


def clean_models(models: pd.DataFrame) -> pd.DataFrame:
    """The frame with every column of `models.csv`, numbers as float64 (empty: NaN) and texts as str (empty: "").

    Args:
        models: Rows of `models.csv`, from records or from the file; columns may be missing, of an older version say.
    """
    missing = {name: value for name, value in MODEL_DEFAULTS.items() if name not in models}
    cleaned = models.assign(**missing).reindex(columns=list(MODEL_COLUMNS)).reset_index(drop=True)
    columns: dict[str, Any] = {}
    for name in MODEL_COLUMNS:
        if name in _NUMBER_COLUMNS:
            columns[name] = pd.to_numeric(cleaned[name], errors="coerce").astype(float)
        else:
            pairs = zip(cleaned[name].astype(object), cleaned[name].isna(), strict=True)
            texts = ["" if is_missing else str(value) for value, is_missing in pairs]
            columns[name] = pd.Series(texts, index=cleaned.index, dtype=object)
    return pd.DataFrame(columns, columns=list(MODEL_COLUMNS))


def claim_basis(models: pd.DataFrame) -> Basis:
    """The stage and split whose numbers carry claims: the test split of the confirmation where there is one."""
    rows = complete(clean_models(models))
    students = rows[rows["role"] != "teacher"]
    confirmed = students[students["stage"] == "confirm"]
    if len(confirmed) and np.isfinite(confirmed["test_force_rmse_ev_per_ang"]).any():
        return Basis("confirm", "test")
    if len(confirmed):
        return Basis("confirm", "valid", "no test errors are stored")
    tried = clean_models(models)
    if ((tried["stage"] == "confirm") & (tried["role"] != "teacher")).any():
        return Basis("search", "valid", "no network of the confirmation was completed")
    return Basis("search", "valid", "nothing has been retrained for confirmation yet")


def complete(models: pd.DataFrame) -> pd.DataFrame:
    """The rows of networks that were trained to their end."""
    return models[models["status"] == "complete"]


def architecture_labels(rows: pd.DataFrame, has_cutoff: bool = False) -> list[str]:
    """Short names such as "24/10/2": features/sensitivities/atom layers, then what differs from one layer, l = 1.

    A teacher that is not ours has no architecture and is called by its calculator, which `engine` names.

    Args:
        rows: Anything with `ARCHITECTURE_COLUMNS` and `engine`.
        has_cutoff: Append the hard cutoff, for studies in which several occur.
    """
    values = (rows[name] for name in ARCHITECTURE_COLUMNS)
    return [
        _label(*row, has_cutoff=has_cutoff) if np.isfinite(row[0]) else str(engine)
        for engine, row in zip(rows["engine"], zip(*values, strict=True), strict=True)
    ]


def _label(
    n_features: float,
    n_sensitivities: float,
    n_atom_layers: float,
    n_interaction_layers: float,
    l_max: float,
    dist_soft_max_ang: float,
    dist_hard_max_ang: float,
    activation: str,
    family: str,
    n_max: float,
    *,
    has_cutoff: bool,
) -> str:
    text = f"{n_features:.0f}/{n_sensitivities:.0f}/{n_atom_layers:.0f}"
    if family not in ("", "hipnn"):
        text += f" {family} n={n_max:.0f}"
    if n_interaction_layers != 1 or l_max != 1:
        text += f" ni={n_interaction_layers:.0f} l={l_max:.0f}"
    if activation not in ("", "softplus"):
        text += f" {activation}"
    return f"{text} @{dist_hard_max_ang:.1f} Å" if has_cutoff else text


def has_several_cutoffs(models: pd.DataFrame) -> bool:
    """True if students or controls of the frame differ in their hard cutoff."""
    return bool(models.loc[models["role"] != "teacher", "dist_hard_max_ang"].nunique() > 1)


def average_networks(models: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """One row per network: architecture, role, control kind and loss weights, averaged over its seeds.

    Args:
        models: Rows of `models.csv`.
        basis: Stage and split to use; the teacher is kept whatever its stage.

    Returns:
        A frame with `NETWORK_COLUMNS`, ordered by role and number of weights: means and sample standard deviations
        (NaN for one seed) of complete networks with a finite force RMSE on the split. `best_model_id` is the seed
        with the lowest validation error, so that the choice does not use the test split.
    """
    models = clean_models(models)
    rows = complete(models)
    rows = rows[(rows["stage"] == basis.stage) | (rows["role"] == "teacher")]
    rows = rows[np.isfinite(rows[f"{basis.split}_force_rmse_ev_per_ang"])]
    networks = _averages(_with_one_cost(rows), basis.split)
    labels = architecture_labels(networks, has_several_cutoffs(models))
    generations = networks["generation"].fillna(0)
    networks["label"] = [
        f"{label} generation {number:.0f}" if number else label
        for label, number in zip(labels, generations, strict=True)
    ]
    networks = networks[list(NETWORK_COLUMNS)]
    return networks.sort_values(["role", "control_kind", "n_weights", "label", "best_model_id"], ignore_index=True)


def _with_one_cost(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the median cost of their architecture: measured again, by a newer version say, it differs by noise."""
    columns = list(COST_COLUMNS)
    by_architecture = rows.groupby([*ARCHITECTURE_COLUMNS, "engine", "device"], dropna=False)
    return rows.assign(**by_architecture[columns].transform("median"))


def _averages(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    """One row per network, without its label; a loop over networks would take seconds in a long search."""
    force, energy = f"{split}_force_rmse_ev_per_ang", f"{split}_energy_rmse_ev_per_atom"
    keys = list(NETWORK_KEYS)
    rows = rows.assign(group=rows.groupby(keys, dropna=False, sort=False).ngroup())  # numbers join faster than keys
    ordered = rows.sort_values(["group", "seed", "model_id"])
    by_seed = ordered.groupby("group")
    by_error = rows.sort_values(["valid_force_rmse_ev_per_ang", "seed", "model_id"], na_position="last")
    ends = by_seed.size().cumsum().to_numpy()[:-1]
    best = by_error.groupby("group")["model_id"].first()
    columns: dict[str, Any] = {
        "n": by_seed.size(),
        "seeds": [_whole_numbers(part) for part in np.split(ordered["seed"].to_numpy(), ends)] if len(rows) else [],
        "model_ids": [tuple(part) for part in np.split(ordered["model_id"].to_numpy(), ends)] if len(rows) else [],
        "best_model_id": best,
        **{name: by_seed[name].median() for name in COST_COLUMNS},
        **{objective.claim_column: by_seed[f"{split}_{objective.claim_column}"].mean() for objective in LEARNED},
        "force_rmse_std_ev_per_ang": by_seed[force].std(),
        "energy_rmse_std_ev_per_atom": by_seed[energy].std(),
        "rdf_error_std": by_seed["rdf_error"].std(),
        "n_md_went_wrong": (ordered["md_stable_ps"] < ordered["md_asked_ps"]).groupby(ordered["group"]).sum(),
        **{name: by_seed[name].mean() for name in _MEAN_COLUMNS},
    }
    return (
        rows.drop_duplicates("group")
        .set_index("group")[[*keys, "engine"]]
        .assign(**columns, split=split)
        .reset_index(drop=True)
    )


def _whole_numbers(values: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(int(value) for value in values[np.isfinite(values)])
