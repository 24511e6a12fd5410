"""What a report is made from, as tidy frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
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
    NETWORK_KEYS,
    Basis,
    architecture_labels,
    average_networks,
    claim_basis,
    clean_models,
    has_several_cutoffs,
    hyperparameter_columns,
)
from pareto_search.analysis.study_summary import StudySummary, summarize_study
from pareto_search.config import StudyConfig
from pareto_search.data.dataset_file import DatasetInfo
from pareto_search.objectives import Objective, objectives_named
from pareto_search.records import CURVE_COLUMNS, EVENT_COLUMNS, RDF_COLUMNS, CostRecord

ArchitectureKey = str
_COST_KEYS = (*ARCHITECTURE_COLUMNS, "is_teacher", "engine")


@dataclass(frozen=True)
class ReportInput:
    """Everything a report shows.

    Attributes:
        config: The settings; None for a run that has none yet.
        models: Rows of `models.csv`, from records or from the file: whatever they are, they are kept as `clean_models`
            returns them, so that nothing else has to clean them.
        curves: Rows of `curves.csv` (`CURVE_COLUMNS`).
        dataset: The content of `dataset.json`; None for a run that has read no data yet.
        events: Rows of `events.csv` (`EVENT_COLUMNS`); empty for a run that has none.
        rdf: g(r) of the liquid by teacher and networks (`RDF_COLUMNS`); empty where it was not measured.
    """

    config: StudyConfig | None
    models: pd.DataFrame
    curves: pd.DataFrame
    costs: list[CostRecord]
    dataset: DatasetInfo | None = None
    events: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(EVENT_COLUMNS)))
    rdf: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(RDF_COLUMNS)))

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", clean_models(self.models))

    @property
    def name(self) -> str:
        """The study's name."""
        return "study" if self.config is None else self.config.name

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What the study optimises."""
        return objectives_named() if self.config is None else self.config.search.objective_list


@dataclass(frozen=True)
class ReportTables:
    """Tidy frames of a study.

    Attributes:
        basis: Stage and split that carry claims.
        models: Cleaned rows, one per trained network, with a `label` and what points are known by: `network`, equal for
            the seeds of one network, and `architecture`, equal where one cost was measured (the teacher's is its own).
        searched: Those of `models` that show the course of the search: none of its own if it only listed networks.
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
        """The paper's claims on the study's numbers."""
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

    @property
    def claimed(self) -> pd.DataFrame:
        """Rows of the students and controls of the claims' stage."""
        is_claimed = (self.models["stage"] == self.basis.stage) & self.models["role"].isin(["student", "control"])
        return self.models[is_claimed]


def make_tables(data: ReportInput) -> ReportTables:
    """The tidy frames that figures and page are drawn from."""
    basis = claim_basis(data.models)
    labels = architecture_labels(data.models, has_several_cutoffs(data.models))
    models = data.models.assign(
        label=pd.Series(labels, index=data.models.index, dtype=object),
        network=_group_numbers(data.models, NETWORK_KEYS),
        architecture=_group_numbers(data.models.assign(is_teacher=data.models["role"] == "teacher"), _COST_KEYS),
    )
    is_list = data.config is not None and data.config.confirm.select == "all"  # of what to confirm, in an epoch or two
    searched = models[models["stage"] != "search"] if is_list else models
    search = average_networks(searched, Basis("search", "valid"))
    search = search[(search["role"] != "teacher") & (basis.stage == "confirm")]
    return ReportTables(
        objectives=data.objectives, basis=basis, models=models, searched=searched,
        networks=_with_numbers(average_networks(models, basis), models), search=_with_numbers(search, models),
        costs={(record.architecture_key, record.engine): record for record in data.costs},
        curves=data.curves.reindex(columns=list(CURVE_COLUMNS)), events=data.events, rdf=data.rdf,
    )  # fmt: skip


@dataclass(frozen=True)
class ReportedStudy:
    """All that captions and sentences may speak of, from what a report is made of."""

    data: ReportInput

    @cached_property
    def tables(self) -> ReportTables:
        """Its tidy frames."""
        return make_tables(self.data)

    @cached_property
    def summary(self) -> StudySummary:
        """What it found."""
        return summarize_study(self.data.models, objectives=self.data.objectives)


def _group_numbers(models: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """Number of each row's group, in the order in which groups first occur."""
    return models.groupby(list(keys), dropna=False, sort=False).ngroup()


def _with_numbers(networks: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Seed-averaged networks with the number that the rows of their seeds have."""
    numbers = dict(zip(models["model_id"], models["network"], strict=True))
    return networks.assign(network=[numbers[model_id] for model_id in networks["best_model_id"]])


def architectures(tables: ReportTables) -> pd.DataFrame:
    """One row per architecture whose cost is known: its columns, costs, label, role, engine and `architecture`.

    The teacher keeps its own row; students and controls of one architecture share a cost and so a row.
    """
    models = tables.models.dropna(subset=["n_weights"])
    models = models[models[["md_us_per_atom_step", "bytes_per_atom"]].notna().any(axis=1)]
    models = models.assign(role=np.where(models["role"] == "teacher", "teacher", "network"))
    keys = [*ARCHITECTURE_COLUMNS, "role", "engine"]
    shown = [*keys, *COST_COLUMNS, "label", "architecture", *hyperparameter_columns(models)]
    return models.drop_duplicates(keys)[shown].sort_values(["n_weights", "label", "engine"], ignore_index=True)


def failures(models: pd.DataFrame) -> pd.DataFrame:
    """Networks that diverged or failed, with the reason."""
    return models[models["status"].isin(["diverged", "failed"])].sort_values(["status", "model_id"], ignore_index=True)
