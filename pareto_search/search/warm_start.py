"""Warm start: trials of finished runs on the same data and labels, so that a sampler has them from the start."""

import logging
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from pareto_search.config import SearchSettings, StudyConfig
from pareto_search.config_file import load_config
from pareto_search.data.dataset_file import read_dataset_info
from pareto_search.errors import ConfigError, DataError, StoreError
from pareto_search.networks.cost_table import CostTable
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.networks.training import copy_network, cost_columns, finished_record, is_finished
from pareto_search.records import CostRecord
from pareto_search.run_directory import RunDirectory
from pareto_search.search.ledger import COSTS, MODEL_IDS, ORIGIN, REASON, RUNGS, STATUS
from pareto_search.search.messages import Costs
from pareto_search.search.optuna_study import open_optuna_study
from pareto_search.search.run_trial import costs_of, student_job
from pareto_search.search.search_trial import broken_caps
from pareto_search.search.space import distributions
from pareto_search.training.labels import stored_labels

logger = logging.getLogger(__name__)

#: User attribute of a study: runs whose trials have all been added.
_TAKEN_OVER = "taken_over"


def check_are_runs(setting: str, paths: Iterable[Path]) -> None:
    """Raise before anything is trained if there is no run where a setting names one.

    Raises:
        ConfigError: If a folder is no run directory.
    """
    for path in paths:
        if not RunDirectory(path).config_yaml.is_file():
            raise ConfigError(f"{setting}: {path} is no run directory (no config.yaml); name the --out of a run")


def check_source(source: RunDirectory, search: SearchSettings, dataset_hash: str, label_hash: str) -> StudyConfig:
    """Settings of a run whose trials can be taken over.

    Args:
        source: The run.
        search: Settings of the search that learns from it.
        dataset_hash: Of data and split here.
        label_hash: Of the labels here.

    Raises:
        ConfigError: If it is no run directory, or its data, split, labels, training settings or objectives are others.
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
    if set(config.search.objectives) != set(search.objectives):
        others, wanted = (", ".join(names) for names in (config.search.objectives, search.objectives))
        raise ConfigError(
            f"{where} optimised other objectives ({others}; here {wanted}): search.objectives must be the same"
        )
    return config


def is_taken_over(study: optuna.Study, source: RunDirectory) -> bool:
    """Whether all trials of a run have been added to a study; the run is not needed any more."""
    return str(source.path) in study.user_attrs.get(_TAKEN_OVER, [])


def import_trials(study: optuna.Study, shared: SharedStudy, source: RunDirectory, config: StudyConfig) -> None:
    """Add the finished trials of another run to a study, with their networks, once; they do not count in its budget.

    A trial is left out where the space or the caps here do not hold it, where its network would be another one here, or
    where its costs were measured on other hardware, with other versions or other settings, so that they mean nothing
    here. Other networks, such as those of a confirmation, stay where they are: they carry the other run's claims.

    Args:
        study: The study that learns.
        shared: Its run, with labels.
        source: The other run.
        config: The other run's settings, as `check_source` gives them.
    """
    origin = str(source.path)
    _copy_costs(source, shared.directory)
    known = {trial.user_attrs.get(ORIGIN) for trial in study.get_trials(deepcopy=False)}
    theirs = _finished_trials(source, config)
    usable = [(trial, cost) for trial in theirs if (cost := _cost_here(trial, shared, config.search))]
    for trial, cost in usable:
        _copy_networks(trial, cost, source, shared.directory)
        imported = _imported(trial, config.search, costs_of(cost), shared.config.search, origin)
        if imported.user_attrs[ORIGIN] not in known:
            study.add_trial(imported)
    study.set_user_attr(_TAKEN_OVER, [*study.user_attrs.get(_TAKEN_OVER, []), origin])
    logger.info("warm start from %s: %d of %d trials are of use here", origin, len(usable), len(theirs))


def _copy_costs(source: RunDirectory, target: RunDirectory) -> None:
    table = CostTable(target.costs_dir)
    known = {cost.key for cost in table.all()}
    for cost in CostTable(source.costs_dir).all():
        if cost.key not in known:
            table.put(cost)


def _copy_networks(trial: FrozenTrial, cost: CostRecord, source: RunDirectory, target: RunDirectory) -> None:
    for model_id in trial.user_attrs.get(MODEL_IDS, []):
        folder = source.model_dir(model_id)
        if is_finished(folder):
            record = replace(finished_record(folder), stage="search", trial_id=None, **cost_columns(cost))
            copy_network(folder, target.model_dir(model_id), record=record)


def _finished_trials(source: RunDirectory, config: StudyConfig) -> list[FrozenTrial]:
    """Read from a copy: opening a database may write to it."""
    with tempfile.TemporaryDirectory() as folder:
        for path in source.path.glob(f"{source.study_db.name}*"):
            shutil.copy(path, folder)
        copy = Path(folder) / source.study_db.name
        with open_optuna_study(copy, config.name, config.search.objective_list) as study:
            return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _cost_here(trial: FrozenTrial, shared: SharedStudy, theirs: SearchSettings) -> CostRecord | None:
    """What the network of a trial costs here; None where the trial is of no use."""
    search = shared.config.search
    params = trial.params
    try:
        create_trial(value=0.0, params=params, distributions=distributions(search.space))
    except ValueError:  # the space does not hold it
        return None
    job, their_job = (student_job(settings, {**params, "trial_number": trial.number}) for settings in (search, theirs))
    if job.model_id(shared.data) != their_job.model_id(shared.data):
        return None
    cost = shared.cost_table.get(shared.cost_protocol.key(job.architecture))
    return None if cost is None or broken_caps(costs_of(cost), search.caps) else cost


def _imported(
    trial: FrozenTrial, theirs: SearchSettings, costs: Costs, search: SearchSettings, origin: str
) -> FrozenTrial:
    """A trial of another run with what it costs here."""
    kept = {name: trial.user_attrs[name] for name in (RUNGS, MODEL_IDS, STATUS, REASON) if name in trial.user_attrs}
    values = None
    if trial.state is TrialState.COMPLETE:
        found = {**dict(zip(theirs.objectives, trial.values, strict=True)), **costs.values}
        values = [float(found[name]) for name in search.objectives]
    return create_trial(
        state=trial.state,
        values=values,
        params=trial.params,
        distributions=distributions(search.space),
        user_attrs={**kept, COSTS: costs.to_plain(), ORIGIN: f"{origin} trial {trial.number}"},
    )
