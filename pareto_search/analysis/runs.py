"""Several runs side by side: whether they may be compared, and their fronts under one reference point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pareto_search.analysis.comparison import front_mask, front_points, kinds_of_control
from pareto_search.analysis.front import reference_point, volume_of, worst_of
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis, average_networks, claim_basis
from pareto_search.errors import DataError
from pareto_search.objectives import Objective


@dataclass(frozen=True)
class RunSummary:
    """One run among others.

    Attributes:
        basis: Stage and split of its numbers; the same for all runs.
        networks: Seed-averaged networks (`NETWORK_COLUMNS`).
        n_front: Students that no other student of the run dominates.
        best_force_rmse_ev_per_ang: Of its students; NaN without one.
        hypervolumes: From the reference point that all runs share, by role: "student" and each kind of control.
        n_epochs: Trained in all, controls included, the teacher not.
    """

    name: str
    basis: Basis
    networks: pd.DataFrame
    n_architectures: int
    n_front: int
    best_force_rmse_ev_per_ang: float
    hypervolumes: dict[str, float]
    n_epochs: int
    dataset_hash: str


@dataclass(frozen=True)
class RunsComparison:
    """Several runs.

    Attributes:
        reference: The shared reference point, in their order; None if nothing was measured.
        differences: Why the runs are not strictly comparable, in words; empty if they are.
    """

    runs: tuple[RunSummary, ...]
    objectives: tuple[Objective, ...]
    reference: tuple[float, ...] | None
    differences: tuple[str, ...]


def compare_runs(
    models: Mapping[str, pd.DataFrame], objectives: Sequence[Objective], *, is_forced: bool = False
) -> RunsComparison:
    """Summaries of runs under one reference point, the worst of theirs for each objective.

    All are stated on the stage and split that the weakest of them has: test errors of the confirmation only where
    every run was confirmed.

    Args:
        models: As `clean_models` returns them, by the run's name.
        objectives: On which they are compared.
        is_forced: Compare runs on different data, and note it.

    Raises:
        DataError: If the runs do not share data and split, or one has no network yet, unless forced.
    """
    hashes = {name: _hash_of(rows) for name, rows in models.items()}
    if len(set(hashes.values())) > 1 and not is_forced:
        if bare := [name for name, value in hashes.items() if not value]:
            raise DataError(f"{' and '.join(bare)}: no network is trained yet, so there is nothing to compare")
        listed = ", ".join(f"{name}: {value[:12]}" for name, value in hashes.items())
        raise DataError(
            f"the runs were not trained on the same data and split ({listed}), so their errors cannot be compared; "
            "--force compares them all the same and labels the page"
        )
    bases = [claim_basis(rows) for rows in models.values()]
    basis = max(bases, key=lambda basis: (basis.stage == "search", basis.split == "valid"))
    networks = {name: average_networks(rows, basis) for name, rows in models.items()}
    objectives = tuple(objectives)
    points = (reference_point(frame, objectives, are_claims=True) for frame in networks.values())
    reference = worst_of(points, objectives)

    def volumes(frame: pd.DataFrame) -> dict[str, float]:
        if reference is None:
            return {}
        controls, groups = frame[frame["role"] == "control"], {"student": frame[frame["role"] == "student"]}
        groups |= {kind: controls[controls["control_kind"] == kind] for kind in kinds_of_control(frame)}
        return {
            role: volume_of(front_points(group, objectives), objectives, reference) for role, group in groups.items()
        }

    def summary(name: str, frame: pd.DataFrame) -> RunSummary:
        students, rows = frame[frame["role"] == "student"], models[name]
        return RunSummary(
            name=name,
            basis=basis,
            networks=frame,
            n_architectures=len(students[list(ARCHITECTURE_COLUMNS)].drop_duplicates()),
            n_front=int(front_mask(students, objectives).sum()),
            best_force_rmse_ev_per_ang=float(students["force_rmse_ev_per_ang"].min()),
            hypervolumes=volumes(frame),
            n_epochs=int(rows.loc[rows["role"] != "teacher", "n_epochs"].sum()),
            dataset_hash=hashes[name],
        )

    runs = tuple(summary(name, frame) for name, frame in networks.items())
    return RunsComparison(runs, objectives, reference, tuple(_differences(models, hashes)))


def shared_objectives(
    objectives: Mapping[str, tuple[Objective, ...]], *, is_forced: bool = False
) -> tuple[Objective, ...]:
    """The objectives on which runs are compared: those that all have.

    Raises:
        DataError: If they differ, unless forced, or fewer than two are shared.
    """
    first = next(iter(objectives.values()))
    shared = tuple(one for one in first if all(one in others for others in objectives.values()))
    have_others = any(set(others) != set(first) for others in objectives.values())
    if have_others and (not is_forced or len(shared) < 2):
        listed = "; ".join(f"{name}: {', '.join(one.column for one in own)}" for name, own in objectives.items())
        advice = "two must be shared" if is_forced else "--force compares them on those that they share"
        raise DataError(f"the runs have other objectives ({listed}), so their fronts cannot be compared; {advice}")
    return shared


def _hash_of(models: pd.DataFrame) -> str:
    """Hash of data and split; those of several, joined."""
    return "+".join(sorted({value for value in models["dataset_hash"] if value}))


def _differences(models: Mapping[str, pd.DataFrame], hashes: Mapping[str, str]) -> list[str]:
    found = []
    if len(set(hashes.values())) > 1:
        found.append("The runs were trained and tested on different data or splits: their errors are not comparable.")
    if len({label for rows in models.values() for label in rows["label_hash"] if label}) > 1:
        found.append("Students learned from different teachers.")
    longest = {name: rows.loc[rows["role"] == "student", "n_epochs"].max() for name, rows in models.items()}
    known = {name: n_epochs for name, n_epochs in longest.items() if pd.notna(n_epochs)}  # not where all failed
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{name} {n_epochs:.0f}" for name, n_epochs in known.items())
        found.append(f"Students were trained for different numbers of epochs, at most: {listed}.")
    for column, what in (("device", "devices"), ("engine", "engines")):
        values = sorted({value for rows in models.values() for value in rows[column] if value})
        if len(values) > 1:
            found.append(f"Costs come from several {what} ({'; '.join(values)}): step times are not comparable.")
    return found
