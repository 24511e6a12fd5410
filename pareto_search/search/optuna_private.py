"""What the package needs of Optuna that has no public name; `tests/search/test_optuna_private.py` watches over it."""

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial


def begin_running(
    study: optuna.Study,
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    attributes: Mapping[str, Any],
) -> Trial:
    """Add a running trial with parameters and user attributes, in one transaction.

    `Study.add_trial` does the same but does not return its number, and looking reads every unfinished trial again;
    `Study.enqueue_trial` and `Study.ask` take a transaction for each parameter.

    Args:
        study: The study.
        params: Value of every dimension.
        distributions: Of every dimension.
        attributes: User attributes.
    """
    template = create_trial(
        state=TrialState.RUNNING, params=dict(params), distributions=dict(distributions), user_attrs=dict(attributes)
    )
    return Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))


def live_trial(study: optuna.Study, trial: FrozenTrial) -> Trial:
    """An unfinished trial, so that its attributes can be set; `Study.trials` gives frozen ones alone."""
    return Trial(study, trial._trial_id)


def set_constraint_attribute(trial: Trial, violation: float) -> None:
    """Mark a trial as infeasible in the older of Optuna's two forms: the one that optuna-dashboard reads."""
    trial.study._storage.set_trial_system_attr(trial._trial_id, "constraints", [violation])
