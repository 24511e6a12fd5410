"""From rows of `models.csv` to seed-averaged networks: which rows carry claims, and what is averaged over seeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.config import LossWeights
from pareto_search.objectives import LEARNED, OBJECTIVES
from pareto_search.records import MODEL_COLUMNS, MODEL_DEFAULTS, MODEL_FIELDS, architecture_key

Split = Literal["test", "valid"]

#: What identifies an architecture: a column that `clean_models` makes of family and hyperparameters.
ARCHITECTURE_COLUMNS = ("architecture_key",)
WEIGHT_COLUMNS = tuple(LossWeights.model_fields)
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
    "activation", "family", "label",
)  # fmt: skip

#: Columns of the frame that `average_networks` returns.
NETWORK_COLUMNS = (
    *NETWORK_KEYS, "label", "n", "seeds", "model_ids", "best_model_id", *COST_COLUMNS,
    *(objective.claim_column for objective in LEARNED), "force_rmse_std_ev_per_ang", "energy_rmse_std_ev_per_atom",
    "test_force_rmse_ev_per_ang", *(objective.column for objective in LEARNED), "rdf_error", "rdf_error_std",
    "n_md_went_wrong", "n_epochs", "train_s", "engine", "split", "family",
)  # fmt: skip
#: Columns that frames of networks have beside those of `models.csv`.
_ADDED_COLUMNS = (*ARCHITECTURE_COLUMNS, "group", "network", "architecture", "is_teacher")


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
    """Rows of `models.csv`, also of older versions, with every column; numbers as float64, texts as str ("": none).

    Returns:
        `MODEL_COLUMNS`, further hyperparameters, and `architecture_key`, which is empty for an external teacher.
    """
    missing = {name: value for name, value in MODEL_DEFAULTS.items() if name not in models}
    names = list(dict.fromkeys([*MODEL_COLUMNS, *models.columns.drop("architecture_key", errors="ignore")]))
    cleaned = models.assign(**missing).reindex(columns=names).reset_index(drop=True)
    frame = pd.DataFrame({name: _clean_column(cleaned[name]) for name in names}, columns=names)
    return frame.assign(architecture_key=_architecture_keys(frame))


def _clean_column(column: pd.Series) -> pd.Series:
    """Texts as str; of hyperparameters those are texts that hold what is no number."""
    if column.name not in _TEXT_COLUMNS:
        numbers = pd.to_numeric(column, errors="coerce").astype(float)
        if column.name in MODEL_COLUMNS or bool((numbers.notna() | column.isna()).all()):
            return numbers
    pairs = zip(column.astype(object), column.isna(), strict=True)
    return pd.Series(
        ["" if is_missing else str(value) for value, is_missing in pairs], index=column.index, dtype=object
    )


def hyperparameter_columns(models: pd.DataFrame) -> list[str]:
    """Columns of a frame that are hyperparameters, the cutoff among them."""
    fixed = {*MODEL_FIELDS, *_ADDED_COLUMNS} - {"dist_hard_max_ang"}
    return [name for name in models.columns if name not in fixed]


def _architecture_keys(models: pd.DataFrame) -> pd.Series:
    names = hyperparameter_columns(models)
    rows = models[["family", *names]].astype(object).where(models[["family", *names]].notna(), None)
    keys: dict[tuple[object, ...], str] = {}
    for row in rows.itertuples(index=False, name=None):
        if row not in keys:
            known = {name: value for name, value in zip(names, row[1:], strict=True) if value not in (None, "")}
            keys[row] = architecture_key(str(row[0]), known)
    return pd.Series([keys[row] for row in rows.itertuples(index=False, name=None)], index=models.index, dtype=object)


def claim_basis(models: pd.DataFrame) -> Basis:
    """The stage and split whose numbers carry claims: the test split of the confirmation where there is one."""
    rows = complete(models)
    students = rows[rows["role"] != "teacher"]
    confirmed = students[students["stage"] == "confirm"]
    if len(confirmed) and np.isfinite(confirmed["test_force_rmse_ev_per_ang"]).any():
        return Basis("confirm", "test")
    if len(confirmed):
        return Basis("confirm", "valid", "no test errors are stored")
    if ((models["stage"] == "confirm") & (models["role"] != "teacher")).any():
        return Basis("search", "valid", "no network of the confirmation was completed")
    return Basis("search", "valid", "nothing has been retrained for confirmation yet")


def complete(models: pd.DataFrame) -> pd.DataFrame:
    """The rows of networks that were trained to their end."""
    return models[models["status"] == "complete"]


def architecture_labels(rows: pd.DataFrame, has_cutoff: bool = False) -> list[str]:
    """Short names such as "24/10/2".

    Args:
        rows: Anything with `label`, and `dist_hard_max_ang` where cutoffs are wanted.
        has_cutoff: Append the cutoff, for studies in which several occur; an external teacher has none.
    """
    if not has_cutoff:
        return [str(label) for label in rows["label"]]
    return [
        f"{label} @{cutoff:.1f} Å" if np.isfinite(cutoff) else str(label)
        for label, cutoff in zip(rows["label"], rows["dist_hard_max_ang"], strict=True)
    ]


def has_several_cutoffs(models: pd.DataFrame) -> bool:
    """True if students or controls of the frame differ in their hard cutoff."""
    return bool(models.loc[models["role"] != "teacher", "dist_hard_max_ang"].nunique() > 1)


def average_networks(models: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """One row per network: architecture, role, control kind and loss weights, averaged over its seeds.

    Args:
        models: As `clean_models` returns them.
        basis: Stage and split to use; the teacher is kept whatever its stage.

    Returns:
        A frame with `NETWORK_COLUMNS`, ordered by role and number of weights: means and sample standard deviations
        (NaN for one seed) of complete networks with a finite force RMSE on the split. `best_model_id` is the seed
        with the lowest validation error, so that the choice does not use the test split.
    """
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
    networks = networks[[*NETWORK_COLUMNS, *hyperparameter_columns(models)]]
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

    def of_groups(values: Iterable[tuple[int, ...] | tuple[str, ...]]) -> pd.Series:
        return pd.Series(list(values) if len(rows) else [], index=best.index, dtype=object)

    columns: dict[str, pd.Series] = {
        "n": by_seed.size(),
        "seeds": of_groups(_whole_numbers(part) for part in np.split(ordered["seed"].to_numpy(), ends)),
        "model_ids": of_groups(tuple(part) for part in np.split(ordered["model_id"].to_numpy(), ends)),
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
        .set_index("group")[[*keys, "engine", "family", "label", *hyperparameter_columns(rows)]]
        .assign(**columns, split=split)
        .reset_index(drop=True)
    )


def _whole_numbers(values: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(int(value) for value in values[np.isfinite(values)])
