"""From rows of `models.csv` to seed-averaged networks: which rows carry claims, and what is averaged over seeds."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pareto_search.records import MODEL_COLUMNS

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
)
WEIGHT_COLUMNS = ("weight_energy", "weight_forces", "weight_atomic_energy")
#: Costs belong to the architecture: equal for every seed, so the median returns the measured number unrounded.
COST_COLUMNS = ("md_us_per_atom_step", "max_atoms", "bytes_per_atom", "n_weights")

_TEXT_COLUMNS = (
    "model_id", "stage", "role", "control_kind", "status", "reason", "engine", "device", "dataset_hash", "label_hash",
    "activation",
)  # fmt: skip
_NUMBER_COLUMNS = tuple(name for name in MODEL_COLUMNS if name not in _TEXT_COLUMNS)
_KEY_COLUMNS = ("stage", "role", "control_kind", *ARCHITECTURE_COLUMNS, *WEIGHT_COLUMNS)

#: Columns of the frame that `average_networks` returns.
NETWORK_COLUMNS = (
    *_KEY_COLUMNS, "label", "n", "seeds", "model_ids", "best_model_id", *COST_COLUMNS,
    "force_rmse_ev_per_ang", "force_rmse_std_ev_per_ang", "energy_rmse_ev_per_atom", "energy_rmse_std_ev_per_atom",
    "test_force_rmse_ev_per_ang", "valid_force_rmse_ev_per_ang", "rdf_error", "rdf_error_std", "n_epochs", "train_s",
    "split",
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
        models: Rows of `models.csv`, from records or from the file; columns may be missing.
    """
    cleaned = models.reindex(columns=list(MODEL_COLUMNS)).reset_index(drop=True)
    columns: dict[str, Any] = {}
    for name in MODEL_COLUMNS:
        if name in _NUMBER_COLUMNS:
            columns[name] = pd.to_numeric(cleaned[name], errors="coerce").astype(float)
        else:
            columns[name] = pd.Series(
                ["" if pd.isna(value) else str(value) for value in cleaned[name]], index=cleaned.index, dtype=object
            )
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


def architecture_label(row: pd.Series, has_cutoff: bool = False) -> str:
    """Short name such as "24/10/2": features/sensitivities/atom layers, then what differs from one layer, l = 1.

    Args:
        row: Anything with the architecture columns.
        has_cutoff: Append the hard cutoff, for studies in which several occur.
    """
    text = "/".join(f"{row[name]:.0f}" for name in ARCHITECTURE_COLUMNS[:3])
    if row["n_interaction_layers"] != 1 or row["l_max"] != 1:
        text += f" ni={row['n_interaction_layers']:.0f} l={row['l_max']:.0f}"
    if row["activation"] not in ("", "softplus"):
        text += f" {row['activation']}"
    return f"{text} @{row['dist_hard_max_ang']:.1f} Å" if has_cutoff else text


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
    has_cutoff = has_several_cutoffs(models)
    averaged = [_average(group, basis.split, has_cutoff) for _, group in rows.groupby(list(_KEY_COLUMNS), dropna=False)]
    networks = pd.DataFrame(averaged, columns=list(NETWORK_COLUMNS))
    return networks.sort_values(["role", "control_kind", "n_weights", "label", "best_model_id"], ignore_index=True)


def _average(group: pd.DataFrame, split: Split, has_cutoff: bool) -> dict[str, Any]:
    """One row of `average_networks`."""
    group = group.sort_values(["seed", "model_id"])
    first = group.iloc[0]
    force, energy = group[f"{split}_force_rmse_ev_per_ang"], group[f"{split}_energy_rmse_ev_per_atom"]
    by_validation = group["valid_force_rmse_ev_per_ang"].fillna(np.inf)
    return {
        **{name: first[name] for name in _KEY_COLUMNS},
        "label": architecture_label(first, has_cutoff),
        "n": len(group),
        "seeds": tuple(int(seed) for seed in group["seed"].dropna()),
        "model_ids": tuple(group["model_id"]),
        "best_model_id": group["model_id"].iloc[int(np.argmin(by_validation))],
        **{name: group[name].median() for name in COST_COLUMNS},
        "force_rmse_ev_per_ang": force.mean(),
        "force_rmse_std_ev_per_ang": force.std(),
        "energy_rmse_ev_per_atom": energy.mean(),
        "energy_rmse_std_ev_per_atom": energy.std(),
        "test_force_rmse_ev_per_ang": group["test_force_rmse_ev_per_ang"].mean(),
        "valid_force_rmse_ev_per_ang": group["valid_force_rmse_ev_per_ang"].mean(),
        "rdf_error": group["rdf_error"].mean(),
        "rdf_error_std": group["rdf_error"].std(),
        "n_epochs": group["n_epochs"].mean(),
        "train_s": group["train_s"].mean(),
        "split": split,
    }
