"""The worker's side of a trial; imports little, because every trial starts a process."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ray import tune

from pareto_search.cluster.limits import AllWorkFailsError, limited, named_failures
from pareto_search.cluster.session import WorkFailedError
from pareto_search.config import ClusterSettings
from pareto_search.search.messages import ENDS_ALL, FAILURE, IS_FINAL, Report

TrialFunction = Callable[[Any, dict[str, object], Report], dict[str, object]]


def run_in_worker(
    trial: TrialFunction,
    shared: object,
    cluster: ClusterSettings,
    notes: Path,
    objectives: Sequence[str],
    config: dict[str, object],
) -> None:
    """Run one trial; its failure goes to Tune in a report, because Tune passes no reason on to the searcher.

    Args:
        trial: What it does.
        shared: What every trial reads.
        cluster: What it may take.
        notes: Folder on storage that all machines share.
        objectives: Columns that every report must hold.
        config: The sampler's choice, with `trial_number`.
    """

    def report(result: dict[str, object]) -> None:
        missing = [name for name in objectives if name not in result]
        if missing:
            raise ValueError(f"every report of a trial holds the objectives; missing {missing}")
        tune.report(result)

    try:
        with named_failures(cluster):
            with limited(cluster, notes / f"trial-{config['trial_number']:04d}-hung.txt"):
                final = trial(shared, dict(config), report)
            report({**final, IS_FINAL: True})
    except WorkFailedError as error:
        nothing = dict.fromkeys(objectives, float("nan"))
        tune.report({**nothing, FAILURE: str(error), ENDS_ALL: isinstance(error, AllWorkFailsError)})
        raise
