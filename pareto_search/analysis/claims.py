"""The paper's claims, and what a run says of each.

The paper: S. Matin et al., Digital Discovery (2025). Every estimate is a number that its side of 0, or of a limit
that the claim names, decides: the claim holds where the whole interval lies on the claimed side, does not hold where it
lies on the other, and else is not sure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.caps import MAX_ERROR_PERCENT, MAX_MEMORY_FRACTION, MIN_SPEEDUP
from pareto_search.analysis.claim import Claim, paired_claim, verdict_of
from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.correlation import spearman
from pareto_search.analysis.intervals import mean_interval
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis, clean_models, complete

#: The paper's figure of costs.
COSTS_SOURCE = "Fig. 5"
#: Share of the epochs at the end of training over which the scatter of a learning curve is taken.
_LATE_SHARE = 1 / 3


@dataclass(frozen=True)
class _Run:
    """Rows of the claims' stage, and the learning curves of their networks by `model_id`."""

    rows: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    split: str
    teachers: pd.DataFrame


def paper_claims(models: pd.DataFrame, curves: pd.DataFrame, basis: Basis) -> list[Claim]:
    """Those of the paper's claims that a run has networks for, in the paper's order.

    Args:
        models: Rows of `models.csv`.
        curves: Rows of `curves.csv`.
        basis: Stage and split that carry the run's claims.
    """
    done = complete(clean_models(models))
    run = _Run(
        rows=done[(done["stage"] == basis.stage) & done["role"].isin(["student", "control"])],
        curves={str(model_id): curve.sort_values("epoch") for model_id, curve in curves.groupby("model_id")},
        split=basis.split,
        teachers=done[done["role"] == "teacher"],
    )
    makers: tuple[Callable[[_Run], Iterator[Claim]], ...] = (
        _accuracy, _tradeoff, _energy, _liquid, _correlation, _learning, _born_again, _costs,
    )  # fmt: skip
    return [claim for maker in makers for claim in maker(run)]


def _pairs(run: _Run, kind: str) -> pd.DataFrame:
    """Students beside their controls of a kind, one row for each architecture and seed."""
    keys = [*ARCHITECTURE_COLUMNS, "seed"]
    students = run.rows[run.rows["role"] == "student"]
    controls = run.rows[(run.rows["role"] == "control") & (run.rows["control_kind"] == kind)]
    pairs = students.merge(controls.drop_duplicates(keys), on=keys, suffixes=("", "_control"))
    return pairs.assign(number=pairs.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup())


def _percent_of_log2(ratio: float) -> float:
    """A ratio's logarithm as what it differs from 1."""
    return 100 * (2**ratio - 1)


def _percent(pairs: pd.DataFrame, column: str) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * (pairs[column] / pairs[f"{column}_control"] - 1), dtype=float)


# --- claims --------------------------------------------------------------------------------------------------------

_AGAINST = {
    "paper": "the paper's controls",
    "ablation": "controls with the student's own loss weights",
    "tuned": "controls with loss weights searched as hard",
    "static": "students taught with static loss weights",
    "one_teacher": "students of one teacher",
    "scratch": "students that took over no weights",
}


def _accuracy(run: _Run) -> Iterator[Claim]:
    column = f"{run.split}_force_rmse_ev_per_ang"
    for kind in kinds_of_control(run.rows):
        pairs = _pairs(run, kind)
        source = "Fig. 2, 3A" if kind == "paper" else "taken further"
        yield from paired_claim(
            pairs, _percent(pairs, column), f"force, {kind}", source,
            f"At equal cost, students have a lower force RMSE than {_AGAINST[kind]}",
            "student against control, %",
        )  # fmt: skip


def _tradeoff(run: _Run) -> Iterator[Claim]:
    """The most accurate students (on the validation split) below half of a cost of the teacher, against the teacher.

    Students as large as the teacher (Born Again) are not meant to be cheaper.
    """
    students = run.rows[
        (run.rows["role"] == "student") & (run.rows["n_weights"] < run.teachers["n_weights"].min())
    ].copy()
    students["number"] = students.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup()
    error = f"{run.split}_force_rmse_ev_per_ang"
    for name, words, column, fraction in (
        ("faster", "over 2× faster than the teacher", "md_us_per_atom_step", 1 / MIN_SPEEDUP),
        ("smaller", "under half the teacher's memory", "bytes_per_atom", MAX_MEMORY_FRACTION),
    ):
        costs = students[column] / run.teachers[column].mean()
        if not np.isfinite(costs).any():
            continue
        statement = f"Students {words} have at most {MAX_ERROR_PERCENT:g} % more force error"
        cheap = students[costs < fraction]
        if cheap.empty:
            n, lowest = students["number"].nunique(), 100 * float(costs.min())
            yield Claim(
                name, "Fig. 2", statement, "lowest cost, % of the teacher's", lowest, None,
                f"{n} architecture{'s' if n > 1 else ''}", "does not hold",
            )  # fmt: skip
            continue
        best = cheap.groupby("number")["valid_force_rmse_ev_per_ang"].mean().idxmin()
        errors = cheap[cheap["number"] == best].groupby("seed")[error].mean().to_numpy(dtype=float)
        values = 100 * (errors / float(run.teachers[error].mean()) - 1)
        ci95 = mean_interval(values)
        beyond = None if ci95 is None else (ci95[0] - MAX_ERROR_PERCENT, ci95[1] - MAX_ERROR_PERCENT)
        yield Claim(
            name, "Fig. 2", statement, "the most accurate such student against the teacher, %", float(values.mean()),
            ci95, f"{len(values)} seeds", verdict_of(beyond, is_below=True),
        )  # fmt: skip


def _energy(run: _Run) -> Iterator[Claim]:
    pairs = _pairs(run, "paper")
    force = _percent(pairs, f"{run.split}_force_rmse_ev_per_ang")
    energy = _percent(pairs, f"{run.split}_energy_rmse_ev_per_atom")
    yield from paired_claim(
        pairs, force - energy, "energy gains less", "Fig. 3B", "Energies gain less by the teacher than forces do",
        "difference in force RMSE minus that in energy RMSE, % points",
    )  # fmt: skip


def _liquid(run: _Run) -> Iterator[Claim]:
    for kind in kinds_of_control(run.rows)[:2]:
        pairs = _pairs(run, kind)
        yield from paired_claim(
            pairs, _percent(pairs, "rdf_error"), f"RDF, {kind}", "Fig. 3C",
            f"The liquid's g(r) is nearer to the teacher's than with {_AGAINST[kind]}",
            "RDF error, student against control, %",
        )  # fmt: skip


def _correlation(run: _Run) -> Iterator[Claim]:
    rows = run.rows
    numbers = rows.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup()
    found = spearman(rows[f"{run.split}_force_rmse_ev_per_ang"], rows["rdf_error"], numbers)
    if found is not None:
        n = f"{found.n} networks, {found.n_architectures} architectures"
        yield Claim(
            "RDF follows force", "Fig. 3C", "Force errors correlate strongly with RDF errors", "rank correlation",
            found.value, found.ci95, n, verdict_of(found.ci95, is_below=False),
        )  # fmt: skip


def _learning(run: _Run) -> Iterator[Claim]:
    for kind in kinds_of_control(run.rows)[:2]:
        pairs = _pairs(run, kind)
        curves = [
            (run.curves.get(s), run.curves.get(c))
            for s, c in zip(pairs["model_id"], pairs["model_id_control"], strict=True)
        ]
        for name, statement, quantity, measure in (
            ("learns faster", "Students reach their control's lowest validation error in fewer epochs",
             "epochs against control's, %", _epochs_needed),
            ("first epoch", "Students are more accurate after the first epoch already",
             "validation force RMSE after one epoch against control's, %", _first_error),
            ("steadier", "Students' validation error scatters less late in training",
             "scatter in the last third of the epochs against control's, %", _late_scatter),
        ):  # fmt: skip
            values = np.array([
                np.nan if student is None or control is None else measure(_errors(student), _errors(control))
                for student, control in curves
            ], dtype=float)  # fmt: skip
            yield from paired_claim(
                pairs, values, f"{name}, {kind}", "Fig. 4", f"{statement} ({_AGAINST[kind]})", quantity,
                _percent_of_log2,
            )  # fmt: skip


def _errors(curve: pd.DataFrame) -> NDArray[np.float64]:
    return curve["valid_force_rmse_ev_per_ang"].to_numpy(dtype=float)


def _epochs_needed(student: NDArray[np.float64], control: NDArray[np.float64]) -> float:
    """log2 of the student's epochs over the control's; a student that never gets there is put at its end."""
    best = int(np.nanargmin(control))
    reached = np.flatnonzero(student <= control[best])
    return float(np.log2((reached[0] + 1 if len(reached) else len(student)) / (best + 1)))


def _first_error(student: NDArray[np.float64], control: NDArray[np.float64]) -> float:
    return float(np.log2(student[0] / control[0]))


def _late_scatter(student: NDArray[np.float64], control: NDArray[np.float64]) -> float:
    """log2 ratio of the root-mean-square step from epoch to epoch, relative to the error, over the epochs both have."""
    n_epochs = min(len(student), len(control))
    first = n_epochs - max(int(_LATE_SHARE * n_epochs), 2)
    steps = [np.diff(np.log(errors[first:n_epochs])) for errors in (student, control)]
    scatter = [float(np.sqrt(np.mean(step**2))) for step in steps]
    return float(np.log2(scatter[0] / scatter[1])) if min(scatter) > 0 else float("nan")


def _born_again(run: _Run) -> Iterator[Claim]:
    """Students of the teacher's own architecture against the teacher itself."""
    keys = list(ARCHITECTURE_COLUMNS)
    students = run.rows[run.rows["role"] == "student"].merge(run.teachers[keys].drop_duplicates(), on=keys)
    if students.empty:
        return
    for name, column in (("force", "test_force_rmse_ev_per_ang"), ("energy", "test_energy_rmse_ev_per_atom")):
        values = 100 * (students[column].to_numpy(dtype=float) / float(run.teachers[column].mean()) - 1)
        ci95 = mean_interval(values)
        yield Claim(
            f"Born Again, {name}", "section 3.5", f"Born Again students have a lower {name} RMSE than their teacher",
            "student against teacher, %", float(values.mean()), ci95, f"{len(values)} seeds",
            verdict_of(ci95, is_below=True),
        )  # fmt: skip


def _costs(run: _Run) -> Iterator[Claim]:
    """Costs belong to architectures, so each counts once."""
    once = pd.concat([run.teachers, run.rows]).drop_duplicates([*ARCHITECTURE_COLUMNS, "engine"])
    for engine, rows in once.groupby("engine", sort=False):
        for name, column in (("step time", "md_us_per_atom_step"), ("memory", "bytes_per_atom")):
            found = spearman(rows["n_weights"], rows[column], np.arange(len(rows)))
            if found is not None:
                yield Claim(
                    f"{name} grows, {engine}", COSTS_SOURCE,
                    f"The {name} per atom grows with the number of weights ({engine} engine)", "rank correlation",
                    found.value, found.ci95, f"{found.n} architectures", verdict_of(found.ci95, is_below=False),
                )  # fmt: skip
