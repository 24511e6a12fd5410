"""What a report is made from, as tidy frames."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from pareto_search.analysis.claim import Claim
from pareto_search.analysis.claims import paper_claims
from pareto_search.analysis.front import ReferencePoint
from pareto_search.analysis.history import History, ended_trials, hypervolume_history, search_reference
from pareto_search.analysis.importance import Importance, importances
from pareto_search.analysis.label_weights import WeightGain, gains_by_weight
from pareto_search.analysis.networks import (
    ARCHITECTURE_COLUMNS,
    COST_COLUMNS,
    NETWORK_COLUMNS,
    NETWORK_KEYS,
    Basis,
    architecture_labels,
    average_networks,
    claim_basis,
    clean_models,
    has_several_cutoffs,
)
from pareto_search.objectives import DEFAULT_OBJECTIVES, Objective, objectives_named
from pareto_search.records import CURVE_COLUMNS, EVENT_COLUMNS, RDF_COLUMNS, CostRecord

ArchitectureKey = tuple[float | str, ...]
_COST_KEYS = [*ARCHITECTURE_COLUMNS, "is_teacher", "engine"]


@dataclass(frozen=True)
class ReportInput:
    """Everything a report shows.

    Attributes:
        config: The resolved configuration as plain values.
        models: Rows of `models.csv` (`MODEL_COLUMNS`).
        curves: Rows of `curves.csv` (`CURVE_COLUMNS`).
        costs: The cost table.
        dataset: The content of `dataset.json`.
        events: Rows of `events.csv` (`EVENT_COLUMNS`); empty for a run that has none.
        rdf: g(r) of the liquid by teacher and networks (`RDF_COLUMNS`); empty where it was not measured.
    """

    config: dict[str, Any]
    models: pd.DataFrame
    curves: pd.DataFrame
    costs: list[CostRecord]
    dataset: dict[str, Any]
    events: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(EVENT_COLUMNS)))
    rdf: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(RDF_COLUMNS)))

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What the study optimises."""
        return objectives_named((self.config.get("search") or {}).get("objectives", DEFAULT_OBJECTIVES))


@dataclass(frozen=True)
class ReportTables:
    """Tidy frames of a study.

    Attributes:
        objectives: What the study optimises.
        basis: Stage and split that carry claims.
        models: Cleaned rows, one per trained network, with a `label` and what tells points apart: `network`, equal for
            the seeds of one network, and `architecture`, equal where one cost was measured (the teacher's is its own).
        searched: Those of `models` that may tell how the search went: none of its own if it only listed networks.
        networks: Seed-averaged networks of the claims' stage, teacher included (`NETWORK_COLUMNS` and `network`).
        search: Seed-averaged networks of `searched`, without teacher; empty if the search itself carries the claims.
        costs: Cost records by architecture and engine.
        curves: Learning curves (`CURVE_COLUMNS`).
        events: What happened (`EVENT_COLUMNS`).
        rdf: g(r) of the liquid (`RDF_COLUMNS`).
    """

    objectives: tuple[Objective, ...]
    basis: Basis
    models: pd.DataFrame
    searched: pd.DataFrame
    networks: pd.DataFrame
    search: pd.DataFrame
    costs: dict[tuple[ArchitectureKey, str], CostRecord]
    curves: pd.DataFrame
    events: pd.DataFrame
    rdf: pd.DataFrame

    @cached_property
    def claims(self) -> list[Claim]:
        """What the study says of the paper's claims."""
        return paper_claims(self.models, self.curves, self.basis)

    @cached_property
    def weight_gains(self) -> list[WeightGain]:
        """The gain by weight of the teacher's atomic energies, in studies that confirm several."""
        return gains_by_weight(self.models, self.basis)

    @cached_property
    def importances(self) -> tuple[Importance, ...]:
        """Of the searched hyperparameters, for each objective."""
        return importances(self.searched, self.objectives)

    @cached_property
    def history(self) -> History | None:
        """The search's hypervolume as it grew; None without trials that were measured."""
        trials = ended_trials(self.searched, self.events, self.objectives)
        if self.reference is None or trials.empty:
            return None
        return hypervolume_history(trials, self.objectives, self.reference.values)

    @cached_property
    def reference(self) -> ReferencePoint | None:
        """Reference point of the search's hypervolume."""
        return search_reference(self.searched, self.objectives)

    def of_role(self, role: str, control_kind: str = "") -> pd.DataFrame:
        """Networks of the claims' stage of one role and control kind."""
        return self.networks[(self.networks["role"] == role) & (self.networks["control_kind"] == control_kind)]


def make_tables(data: ReportInput) -> ReportTables:
    """The tidy frames that figures and page are drawn from."""
    models = clean_models(data.models)
    basis = claim_basis(models)
    labels = architecture_labels(models, has_several_cutoffs(models))
    models = models.assign(
        label=pd.Series(labels, index=models.index, dtype=object),
        network=_group_numbers(models, list(NETWORK_KEYS)),
        architecture=_group_numbers(models.assign(is_teacher=models["role"] == "teacher"), _COST_KEYS),
    )
    searched = _searched(models, data.config)
    search = pd.DataFrame(columns=list(NETWORK_COLUMNS))
    if basis.stage == "confirm":
        search = average_networks(searched, Basis("search", "valid"))
        search = search[search["role"] != "teacher"]
    return ReportTables(
        objectives=data.objectives,
        basis=basis,
        models=models,
        searched=searched,
        networks=_with_numbers(average_networks(models, basis), models),
        search=_with_numbers(search, models),
        costs={(cost_key(record), record.engine): record for record in data.costs},
        curves=data.curves.reindex(columns=list(CURVE_COLUMNS)),
        events=data.events,
        rdf=data.rdf,
    )


def _searched(models: pd.DataFrame, config: dict[str, Any]) -> pd.DataFrame:
    """Rows that may tell how the search went: without its own where, in an epoch or two, it listed what to confirm."""
    is_list = (config.get("confirm") or {}).get("select") == "all"
    return models[models["stage"] != "search"] if is_list else models


def _group_numbers(models: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Number of each row's group, in the order in which groups first occur."""
    return models.groupby(keys, dropna=False, sort=False).ngroup()


def _with_numbers(networks: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Seed-averaged networks with the number that the rows of their seeds have."""
    numbers = dict(zip(models["model_id"], models["network"], strict=True))
    return networks.assign(network=[numbers[model_id] for model_id in networks["best_model_id"]])


def architecture_key(row: pd.Series) -> ArchitectureKey:
    """What identifies the architecture of a row of models or networks."""
    return tuple(_exact(row[name]) for name in ARCHITECTURE_COLUMNS)


def architecture_keys(frame: pd.DataFrame) -> list[ArchitectureKey]:
    """The same for every row of a frame."""
    columns = (frame[name] for name in ARCHITECTURE_COLUMNS)
    return [tuple(_exact(value) for value in values) for values in zip(*columns, strict=True)]


def cost_key(record: CostRecord) -> ArchitectureKey:
    """The same for a cost record."""
    return tuple(_exact(record.architecture.get(name, float("nan"))) for name in ARCHITECTURE_COLUMNS)


def _exact(value: Any) -> float | str:
    """A text as it is, a number without its rounding."""
    return value if isinstance(value, str) else round(float(value), 6)


def architectures(tables: ReportTables) -> pd.DataFrame:
    """One row per architecture whose cost is known: its columns, costs, label, role, engine and `architecture`.

    The teacher keeps its own row; students and controls of one architecture share a cost and so a row.
    """
    models = tables.models.dropna(subset=["n_weights"])
    models = models[models[["md_us_per_atom_step", "bytes_per_atom"]].notna().any(axis=1)]
    is_teacher = models["role"] == "teacher"
    kept = models.assign(role=is_teacher.map({True: "teacher", False: "network"}))
    keys = [*ARCHITECTURE_COLUMNS, "role", "engine"]
    kept = kept.drop_duplicates(keys)[[*keys, *COST_COLUMNS, "label", "architecture"]]
    return kept.sort_values(["n_weights", "label", "engine"], ignore_index=True)


def failures(models: pd.DataFrame) -> pd.DataFrame:
    """Networks that diverged or failed, with the reason."""
    return models[models["status"].isin(["diverged", "failed"])].sort_values(["status", "model_id"], ignore_index=True)
