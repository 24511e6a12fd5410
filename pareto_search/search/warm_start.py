"""Warm start: trials of finished runs on the same data and labels, so that a sampler knows them from the start."""

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from pareto_search.config import SearchSettings, StudyConfig
from pareto_search.config_file import load_config
from pareto_search.data.dataset_file import read_dataset_info
from pareto_search.errors import ConfigError, DataError, StoreError
from pareto_search.files import write_atomic
from pareto_search.potential.model_files import read_description
from pareto_search.records import ModelRecord
from pareto_search.run_directory import RunDirectory
from pareto_search.search.costs import CostTable
from pareto_search.search.network import finished_record, is_finished
from pareto_search.search.optuna_study import (
    COSTS,
    MODEL_IDS,
    ORIGIN,
    REASON,
    RUNGS,
    STATUS,
    open_optuna_study,
)
from pareto_search.search.results import Costs
from pareto_search.search.space import distributions
from pareto_search.training.labels import stored_labels

logger = logging.getLogger(__name__)

#: User attribute of a study: runs whose trials have all been added.
_TAKEN_OVER = "taken_over"


def check_source(source: RunDirectory, search: SearchSettings, dataset_hash: str, label_hash: str) -> StudyConfig:
    """Settings of a run whose trials can be taken over.

    Raises:
        ConfigError: If it is no run directory, or its data, split, labels or training settings are others.
    """
    where = f"search.warm_start: {source.path}"
    try:
        config = load_config(source.config_yaml)
        other_dataset = read_dataset_info(source.dataset_json).split_hash
        labels = stored_labels(source.labels_npz)
    except (ConfigError, DataError, StoreError, OSError) as error:
        raise ConfigError(f"{where} is not a run with labels ({error}); name the --out of a run") from error
    if labels is None:
        raise ConfigError(f"{where} is not a run with labels (no {source.labels_npz.name}); name the --out of a run")
    if other_dataset != dataset_hash:
        raise ConfigError(
            f"{where} used other data or another split (hash {other_dataset[:12]}, here {dataset_hash[:12]})"
        )
    if labels.sha256 != label_hash:
        raise ConfigError(
            f"{where} used other labels (hash {labels.sha256[:12]}, here {label_hash[:12]}): another teacher"
        )
    if config.search.training != search.training or config.search.network_seed != search.network_seed:
        raise ConfigError(f"{where} trained otherwise: search.training and search.network_seed must be the same")
    return config


def copy_networks(source: RunDirectory, target: RunDirectory) -> None:
    """Copy costs and the networks of a search that the target lacks; each appears whole or not at all.

    Networks of a confirmation stay where they are: its numbers carry the other run's claims.
    """
    table = CostTable(target.costs_dir)
    known = {cost.key for cost in table.all()}
    for cost in CostTable(source.costs_dir).all():
        if cost.key not in known:
            table.put(cost)
    for folder in sorted(source.models_dir.glob("[!.]*/")):
        if is_finished(folder) and _is_of_use(record := finished_record(folder)):
            copy_folder(folder, target.models_dir / folder.name, record=replace(record, trial_id=None))


def _is_of_use(record: ModelRecord) -> bool:
    return record.stage == "search" and record.status == "complete"


def copy_folder(source: Path, target: Path, record: ModelRecord | None = None) -> None:
    """Copy a model folder unless it is there, if wanted with another record."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    shutil.copytree(source, temporary, dirs_exist_ok=True)
    if record is not None:
        description = read_description(source) | {"record": record.to_plain()}
        write_atomic(temporary / "model.json", json.dumps(description, indent=1))
    temporary.replace(target)


def is_taken_over(study: optuna.Study, source: RunDirectory) -> bool:
    """Whether all trials of a run have been added to a study; the run is not needed any more."""
    return str(source.path) in study.user_attrs.get(_TAKEN_OVER, [])


def import_trials(
    study: optuna.Study,
    search: SearchSettings,
    source: RunDirectory,
    source_name: str,
    known_costs: Callable[[Mapping[str, Any]], Costs | None],
) -> None:
    """Add the finished trials of another run to a study, once; they do not count against its budget.

    A trial is left out where the space here does not hold it, or where its costs were measured on other hardware, with
    other versions or other settings, so that they say nothing here.

    Args:
        study: The study that learns.
        search: Its space.
        source: The other run.
        source_name: Name of its study.
        known_costs: Costs here by parameters, or None.
    """
    origin = str(source.path)
    known = {trial.user_attrs.get(ORIGIN) for trial in study.get_trials(deepcopy=False)}
    theirs = _finished_trials(source, source_name)
    usable = [imported for trial in theirs if (imported := _imported(trial, search, origin, known_costs))]
    for trial in usable:
        if trial.user_attrs[ORIGIN] not in known:
            study.add_trial(trial)
    study.set_user_attr(_TAKEN_OVER, [*study.user_attrs.get(_TAKEN_OVER, []), origin])
    logger.info("warm start from %s: %d of %d trials are of use here", origin, len(usable), len(theirs))


def _finished_trials(source: RunDirectory, name: str) -> list[FrozenTrial]:
    """Read from a copy: opening a database may write to it."""
    with tempfile.TemporaryDirectory() as folder:
        for path in source.path.glob(f"{source.study_db.name}*"):
            shutil.copy(path, folder)
        with open_optuna_study(Path(folder) / source.study_db.name, name) as study:
            return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _imported(
    trial: FrozenTrial,
    search: SearchSettings,
    origin: str,
    known_costs: Callable[[Mapping[str, Any]], Costs | None],
) -> FrozenTrial | None:
    space = distributions(search.space)
    params = trial.params
    if set(params) != set(space) or not all(
        space[n]._contains(space[n].to_internal_repr(v)) for n, v in params.items()
    ):
        return None
    costs = known_costs(params)
    if costs is None:
        return None
    kept = {name: trial.user_attrs[name] for name in (RUNGS, MODEL_IDS, STATUS, REASON) if name in trial.user_attrs}
    values = None
    if trial.state is TrialState.COMPLETE:
        values = [trial.values[0], costs.md_us_per_atom_step, float(costs.max_atoms)]
    return create_trial(
        state=trial.state,
        values=values,
        params=params,
        distributions=space,
        user_attrs={**kept, COSTS: costs.to_plain(), ORIGIN: f"{origin} trial {trial.number}"},
    )
