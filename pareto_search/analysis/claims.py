"""The paper's claims, and a run's verdict on each.

The paper: S. Matin et al., Digital Discovery (2025). Every estimate is a number that its side of 0, or of a limit
that the claim names, decides: the claim holds where the whole interval lies on the claimed side, does not hold where it
lies on the other, and else is not sure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.caps import MAX_ERROR_PERCENT, MAX_MEMORY_FRACTION, MIN_SPEEDUP
from pareto_search.analysis.claim import Claim, paired_claim, ratio_claim, seeds_claim, verdict_of
from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.correlation import spearman
from pareto_search.analysis.curves import epochs_to_shared_error, first_error, late_scatter, paired_curves
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, TRAINING_COLUMNS, WEIGHT_COLUMNS, Basis, complete
from pareto_search.analysis.paired import match_controls, pair_values
from pareto_search.config import TAUGHT_CONTROLS

#: The paper's figure of costs.
COSTS_SOURCE = "Fig. 5"
#: Where the paper is silent.
_BEYOND = "taken further"
#: The weight of the teacher's atomic energies in the loss of the paper's students (its section 5).
_PAPER_LABEL_WEIGHT = 100.0
#: Columns of errors, without their split.
_ERRORS = {"force": "force_rmse_ev_per_ang", "energy": "energy_rmse_ev_per_atom"}
#: A rank correlation above this is called strong.
_STRONG_CORRELATION = 0.5


@dataclass(frozen=True)
class _Run:
    """Completed networks of a run.

    Attributes:
        basis: Stage and split of the claims.
        rows: Students and controls of that stage.
        generations: Teachers by generation, the members of an ensemble together; the last one taught the students.
    """

    models: pd.DataFrame
    basis: Basis
    rows: pd.DataFrame
    curves: pd.DataFrame
    generations: list[pd.DataFrame]

    @property
    def teachers(self) -> pd.DataFrame:
        """Those that taught the students."""
        return self.generations[-1] if self.generations else self.models.iloc[:0]

    @property
    def students(self) -> pd.DataFrame:
        """Those of the claims' stage."""
        return self.rows[self.rows["role"] == "student"]

    def column(self, quantity: str) -> str:
        """Name of the column of an error on the split of the claims."""
        return f"{self.basis.split}_{quantity}"

    def pairs(self, kind: str) -> pd.DataFrame:
        """Students beside their controls of a kind."""
        return match_controls(self.models, self.basis, kind)


def paper_claims(models: pd.DataFrame, curves: pd.DataFrame, basis: Basis) -> list[Claim]:
    """Those of the paper's claims that a run has networks for: of students in the paper's order, then of others.

    Where a run has the same students with several weights of the teacher's atomic energies, the paper's among them,
    the claims are about those with the paper's, and are marked so.

    Args:
        models: As `clean_models` returns them.
        curves: Rows of `curves.csv`.
        basis: Stage and split that carry the run's claims.
    """
    trained = complete(models)
    done = _of_one_label_weight(trained) if basis.stage == "confirm" else trained
    teachers = done[done["role"] == "teacher"]
    run = _Run(
        models=done,
        basis=basis,
        rows=done[(done["stage"] == basis.stage) & done["role"].isin(["student", "control"])],
        curves=curves,
        generations=[group for _, group in teachers.groupby(teachers["generation"].fillna(0))],
    )
    of_students = (_accuracy, _tradeoff, _energy, _liquid, _correlation, _learning, _born_again)
    of_others = (_loss_weights_alone, _generations, _costs)
    claims = [claim for maker in of_students for claim in maker(run)]
    if len(done) < len(trained) and (run.students["weight_atomic_energy"] == _PAPER_LABEL_WEIGHT).all():
        claims = [replace(claim, n=f"{claim.n}, w_A {_PAPER_LABEL_WEIGHT:g}") for claim in claims]
    return [*claims, *(claim for maker in of_others for claim in maker(run))]


def _of_one_label_weight(rows: pd.DataFrame) -> pd.DataFrame:
    """Without confirmed students that differ in the weight of the labels alone from others, which have the paper's."""
    students = rows[(rows["stage"] == "confirm") & (rows["role"] == "student")]
    others = [name for name in WEIGHT_COLUMNS if name != "weight_atomic_energy"]
    has_papers = students["weight_atomic_energy"] == _PAPER_LABEL_WEIGHT
    alike = students.assign(has_papers=has_papers).groupby(
        [*ARCHITECTURE_COLUMNS, *others, *TRAINING_COLUMNS], dropna=False
    )
    return rows.drop(index=students.index[alike["has_papers"].transform("any") & ~has_papers])


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
    for kind in kinds_of_control(run.rows):
        yield from _lower_error(run, kind, "force", "Fig. 2, 3A")


def _lower_error(run: _Run, kind: str, error: str, figure: str) -> Iterator[Claim]:
    source = figure if kind == "paper" else _BEYOND
    statement = f"At equal cost, students have a lower {error} RMSE than {_AGAINST[kind]}"
    values = pair_values(run.pairs(kind), run.column(_ERRORS[error]))
    yield from ratio_claim(values, (f"{error}, {kind}", source, statement, "student against control, %"))


def _loss_weights_alone(run: _Run) -> Iterator[Claim]:
    """Controls with the students' loss weights against the paper's, as if they were the students."""
    ablation = run.rows[run.rows["control_kind"] == "ablation"].assign(role="student", control_kind="")
    paper = run.rows[run.rows["control_kind"] == "paper"]
    pairs = match_controls(pd.concat([ablation, paper]), run.basis, "paper")
    for error, column in _ERRORS.items():
        yield from ratio_claim(
            pair_values(pairs, run.column(column)),
            (f"{error}, loss weights alone", _BEYOND,
             f"The students' own loss weights, without a teacher, give a lower {error} RMSE than the paper's",
             "ablation control against paper control, %"),
        )  # fmt: skip


def _tradeoff(run: _Run) -> Iterator[Claim]:
    """The most accurate students (on the validation split) below half of a cost of the teacher, against the teacher.

    Students as large as the teacher (Born Again) are not meant to be cheaper.
    """
    students = run.students[run.students["n_weights"] < run.teachers["n_weights"].min()].copy()
    students["architecture"] = students.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup()
    students["number"] = students.groupby(["architecture", *WEIGHT_COLUMNS, *TRAINING_COLUMNS], dropna=False).ngroup()
    error = run.column("force_rmse_ev_per_ang")
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
            n, lowest = students["architecture"].nunique(), 100 * float(costs.min())
            yield Claim(
                name, "Fig. 2", statement, "lowest cost, % of the teacher's", lowest, None,
                f"{n} architecture{'s' if n > 1 else ''}", "does not hold", is_difference=False,
            )  # fmt: skip
            continue
        best = cheap.groupby("number")["valid_force_rmse_ev_per_ang"].mean().idxmin()
        errors = cheap[cheap["number"] == best].groupby("seed")[error].mean().to_numpy(dtype=float)
        values = 100 * (errors / float(run.teachers[error].mean()) - 1)
        quantity = "the most accurate such student against the teacher, %"
        yield seeds_claim(values, (name, "Fig. 2", statement, quantity), MAX_ERROR_PERCENT)


def _energy(run: _Run) -> Iterator[Claim]:
    for kind in kinds_of_control(run.rows):
        yield from _lower_error(run, kind, "energy", "Fig. 3B")
        if kind in TAUGHT_CONTROLS:
            continue
        pairs, source = run.pairs(kind), "Fig. 3B" if kind == "paper" else _BEYOND
        force, energy = (_percent(pairs, run.column(column)) for column in _ERRORS.values())
        yield from paired_claim(
            pairs, force - energy,
            (f"energy gains less, {kind}", source,
             f"Energies gain less by the teacher than forces do ({_AGAINST[kind]})",
             "difference in force RMSE minus that in energy RMSE, % points"),
        )  # fmt: skip


def _liquid(run: _Run) -> Iterator[Claim]:
    for kind in kinds_of_control(run.rows)[:2]:
        pairs = run.pairs(kind)
        was_run = pairs[["md_asked_ps", "md_asked_ps_control"]].notna().all(axis=1)
        n_lost = int((was_run & pairs[["rdf_error", "rdf_error_control"]].isna().any(axis=1)).sum())
        but = f" (without {n_lost} of {was_run.sum()} pairs, in which MD went wrong)" if n_lost else ""
        yield from ratio_claim(
            pair_values(pairs, "rdf_error"),
            (f"RDF, {kind}", "Fig. 3C", f"The liquid's g(r) is nearer to the teacher's than with {_AGAINST[kind]}{but}",
             "RDF error, student against control, %"),
        )  # fmt: skip


def _correlation(run: _Run) -> Iterator[Claim]:
    """Over all networks, where their sizes may make most of it, and among those of one architecture."""
    rows = run.rows
    numbers = rows.groupby(list(ARCHITECTURE_COLUMNS), dropna=False).ngroup()
    errors = rows[[run.column("force_rmse_ev_per_ang"), "rdf_error"]].apply(np.log).dropna()
    alike = errors.groupby(numbers.loc[errors.index])
    within = (errors - alike.transform("mean"))[alike["rdf_error"].transform("size") > 1]
    strong = f"Force errors correlate strongly with RDF errors (above {_STRONG_CORRELATION:g})"
    among = "Force errors correlate with RDF errors among networks of one architecture"
    for name, statement, values, limit in (
        ("RDF follows force", strong, errors, _STRONG_CORRELATION),
        ("RDF follows force within architectures", among, within, 0.0),
    ):
        found = spearman(values.iloc[:, 0], values.iloc[:, 1], numbers.loc[values.index])
        if found is not None:
            yield Claim(
                name, "Fig. 3C", statement, "rank correlation", found.value, found.ci95,
                f"{found.n} networks, {found.n_architectures} architectures",
                verdict_of(found.ci95, is_below=False, limit=limit),
            )  # fmt: skip


def _learning(run: _Run) -> Iterator[Claim]:
    for kind in kinds_of_control(run.rows)[:2]:
        pairs = run.pairs(kind)
        curves = paired_curves(run.curves, pairs)
        for name, statement, quantity, measure in (
            ("learns faster", "Students take fewer epochs to the lowest validation error that both reach",
             "epochs against control's, %", epochs_to_shared_error),
            ("first epoch", "Students are more accurate after the first epoch already",
             "validation force RMSE after one epoch against control's, %", first_error),
            ("steadier", "Students' validation error scatters less late in training",
             "scatter in the last third of the epochs against control's, %", late_scatter),
        ):  # fmt: skip
            values = np.array([np.nan if pair is None else measure(*pair) for pair in curves], dtype=float)
            words = (f"{name}, {kind}", "Fig. 4", f"{statement} ({_AGAINST[kind]})", quantity)
            yield from paired_claim(pairs, values, words, _percent_of_log2)


def _born_again(run: _Run) -> Iterator[Claim]:
    """Students of the teacher's own architecture against the teacher itself."""
    keys = list(ARCHITECTURE_COLUMNS)
    students = run.students.merge(run.teachers[keys].drop_duplicates(), on=keys)
    if len(students):
        yield from _against_teachers(students, run.teachers, "Born Again", "Born Again students", "their teacher")


def _generations(run: _Run) -> Iterator[Claim]:
    """Each generation of teachers against the one that taught it."""
    for number, (before, after) in enumerate(pairwise(run.generations), start=1):
        name, earlier = f"generation {number}", f"those of generation {number - 1}"
        yield from _against_teachers(after, before, name, f"Teachers of {name}", earlier)


def _against_teachers(
    networks: pd.DataFrame, teachers: pd.DataFrame, name: str, who: str, whom: str
) -> Iterator[Claim]:
    """Test errors of networks against those of the teachers that taught them."""
    for error, quantity in _ERRORS.items():
        column = f"test_{quantity}"
        values = 100 * (networks.groupby("seed")[column].mean().to_numpy(dtype=float) / teachers[column].mean() - 1)
        statement = f"{who} have a lower {error} RMSE than {whom}"
        yield seeds_claim(values, (f"{name}, {error}", "section 3.5", statement, "against the teacher, %"))


def _costs(run: _Run) -> Iterator[Claim]:
    """Costs belong to architectures, so each counts once."""
    once = pd.concat([*run.generations, run.rows]).drop_duplicates([*ARCHITECTURE_COLUMNS, "engine"])
    for engine, rows in once.groupby("engine", sort=False):
        for name, column in (("step time", "md_us_per_atom_step"), ("memory", "bytes_per_atom")):
            found = spearman(rows["n_weights"], rows[column], np.arange(len(rows)))
            if found is not None:
                yield Claim(
                    f"{name} grows, {engine}", COSTS_SOURCE,
                    f"The {name} per atom grows with the number of weights ({engine} engine)", "rank correlation",
                    found.value, found.ci95, f"{found.n} architectures", verdict_of(found.ci95, is_below=False),
                )  # fmt: skip
