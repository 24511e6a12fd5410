"""How often the report's 95 % intervals hold the truth, and how often it finds an effect where there is none.

    python scripts/bench/coverage.py [--studies 1000] [--processes 2] [--json FILE]

Studies are simulated with a known truth and evaluated by the package's own functions. Architectures are drawn from a
population: larger ones are slower, need more memory and are more accurate, with deviations. A student's error is its
control's times a factor that varies between architectures about exp(effect). Every trained network's error is that of
its architecture times a deviate of its seed; deviates of a student and its control resemble each other, and their size
differs between architectures. Seeds also have an effect of their own that all their networks share. In an unbalanced
study one network in eight was lost.

Truths: of the paired difference the mean over the population of architectures, or, of fewer than three architectures,
over those; of the hypervolume's difference its value at the drawn architectures' own errors, without seeds. Without
effect every student equals its control, save that for the paired difference over a population the factors still vary
between architectures, about 1.
"""

import argparse
import json
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pareto_search.analysis.comparison import compare_hypervolumes
from pareto_search.analysis.front import ReferencePoint, volume_of
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS, Basis
from pareto_search.analysis.paired import MIN_ARCHITECTURES, paired_difference
from pareto_search.objectives import objectives_named

OBJECTIVES = objectives_named(("valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "bytes_per_atom"))
REFERENCE = ReferencePoint((0.2, 12.0, 1200.0), "teacher", (4.0, 2.0, 2.0))
EFFECT = -0.1
#: Standard deviations of log error: between architectures, of a seed's deviates in the mean, of its shared effect.
BETWEEN, NOISE, SHARED = 0.05, 0.07, 0.02
#: Spread of the logarithm of the deviates' size over architectures, and correlation between student and control.
NOISE_SPREAD, CORRELATION = 0.5, 0.3
#: Spread of the controls' log error beside what their size explains, and their mean error, eV/Å, over the population.
ROUGHNESS = 0.1
MEAN_ERROR = 0.12 * 0.5 / np.log(2) * np.exp(ROUGHNESS**2 / 2)
LOST = 0.125
#: Architectures and seeds.
DESIGNS = (
    (1, 4),
    (2, 2),
    (2, 4),
    (4, 2),
    (4, 4),
    (4, 8),
    (5, 2),
    (5, 4),
    (5, 8),
    (8, 2),
    (8, 4),
    (8, 8),
    (16, 2),
    (16, 4),
)


@dataclass(frozen=True)
class Study:
    """Errors of students (first) and controls, NaN where lost, shape (2, n_architectures, n_seeds), and what is true.

    Attributes:
        costs: Step time and bytes per atom, shape (n_architectures, 2).
        errors: As seen.
        true_errors: Without seeds, shape (2, n_architectures).
    """

    costs: NDArray[np.float64]
    errors: NDArray[np.float64]
    true_errors: NDArray[np.float64]


def simulate(
    rng: np.random.Generator, n: int, n_seeds: int, effect: float, between: float, is_unbalanced: bool
) -> Study:
    """A study with `between` as the standard deviation of its architectures' log factors."""
    size = rng.uniform(0, 1, n)
    costs = np.column_stack([2 * 5**size, 200 * 4 ** (size + 0.1 * rng.standard_normal(n))])
    control = 0.12 * 0.5**size * np.exp(ROUGHNESS * rng.standard_normal(n))
    true_errors = np.stack([control * np.exp(effect - between**2 / 2 + between * rng.standard_normal(n)), control])
    spread = NOISE * np.exp(NOISE_SPREAD * rng.standard_normal((2, n, 1)) - NOISE_SPREAD**2 / 2)
    common, own = rng.standard_normal((1, n, n_seeds)), rng.standard_normal((2, n, n_seeds))
    deviates = spread * (np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own) - spread**2 / 2
    shared = SHARED * rng.standard_normal(n_seeds) - SHARED**2 / 2
    errors = true_errors[:, :, None] * np.exp(deviates + shared)
    if is_unbalanced:
        errors[rng.random(errors.shape) < LOST] = np.nan
    return Study(costs, errors, true_errors)


def pairs_of(study: Study) -> pd.DataFrame:
    """The frame that `pair_values` makes of a run."""
    architecture, seed = np.nonzero(np.isfinite(study.errors).all(axis=0))
    student, control = study.errors[:, architecture, seed]
    return pd.DataFrame({"architecture": architecture, "seed": seed, "student": student, "control": control})


def true_of(study: Study, pairs: pd.DataFrame) -> tuple[float, float]:
    """Mean difference and percentage of the architectures that have pairs, without seeds."""
    student, control = study.true_errors[:, pairs["architecture"].unique()]
    return float((student - control).mean()), float(100 * (student / control - 1).mean())


def frames_of(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows of trained networks, averaged students and averaged controls, with the columns that hypervolumes need."""
    side, architecture, seed = np.nonzero(np.isfinite(study.errors))
    models = pd.DataFrame({
        "model_id": np.arange(len(seed)), "side": side, "architecture": architecture, "seed": seed,
        "test_force_rmse_ev_per_ang": study.errors[side, architecture, seed],
    })  # fmt: skip
    networks = []
    for (of_side, place), rows in models.groupby(["side", "architecture"]):
        costs = dict(zip(("md_us_per_atom_step", "bytes_per_atom"), study.costs[int(str(place))], strict=True))
        networks.append({
            **dict.fromkeys(ARCHITECTURE_COLUMNS, place), **costs, "side": of_side, "n": len(rows),
            "seeds": tuple(rows["seed"]), "model_ids": tuple(rows["model_id"]),
            "force_rmse_ev_per_ang": rows["test_force_rmse_ev_per_ang"].mean(),
        })  # fmt: skip
    frame = pd.DataFrame(networks)
    return models, frame[frame["side"] == 0], frame[frame["side"] == 1]


def evaluate(task: tuple[int, int, int, float, bool]) -> dict[str, bool]:
    """What one study's intervals hold and what it would claim; quantities without an interval are left out."""
    number, n, n_seeds, effect, is_unbalanced = task
    rng = np.random.default_rng([number, n, n_seeds, is_unbalanced])
    found: dict[str, bool] = {}
    is_few = n < MIN_ARCHITECTURES
    study = simulate(rng, n, n_seeds, effect, BETWEEN if effect or not is_few else 0.0, is_unbalanced)
    pairs = pairs_of(study)
    paired = paired_difference(pairs)
    if paired.ci95 is not None and paired.ci95_percent is not None:
        factor = float(np.expm1(effect))
        difference, percent = true_of(study, pairs) if is_few else (MEAN_ERROR * factor, 100 * factor)
        found["paired"] = paired.ci95[0] <= difference <= paired.ci95[1]
        found["percent"] = paired.ci95_percent[0] <= percent <= paired.ci95_percent[1]
        found["claims"] = paired.is_better or paired.is_worse
    if paired.p_value is not None:
        found["wilcoxon"] = paired.p_value < 0.05
    study = simulate(rng, n, n_seeds, effect, BETWEEN if effect else 0.0, is_unbalanced)
    volume = compare_hypervolumes(*frames_of(study), Basis("confirm", "test"), OBJECTIVES, REFERENCE)
    if volume.ci95 is not None:
        is_there = np.asarray(np.isfinite(study.errors).any(axis=2))
        true = [
            np.column_stack([errors, study.costs])[i] for errors, i in zip(study.true_errors, is_there, strict=True)
        ]
        student, control = (volume_of(points, OBJECTIVES, REFERENCE.values) for points in true)
        difference = student - control
        found["hypervolume"] = bool(volume.ci95[0] <= difference <= volume.ci95[1])
    return found


def summarize(studies: list[dict[str, bool]]) -> dict[str, float | None]:
    """Shares in percent: of intervals that hold the truth, of claims, and of p < 0.05 among those with a p value.

    None where fewer than a tenth of the studies had any.
    """
    shares = {}
    for name in ("paired", "percent", "hypervolume", "claims", "wilcoxon"):
        values = [study[name] for study in studies if name in study]
        shares[name] = round(100 * float(np.mean(values)), 1) if len(values) >= len(studies) / 10 else None
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="of each design")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    rows = []
    with get_context("spawn").Pool(arguments.processes) as pool:
        for n, n_seeds in DESIGNS:
            for effect, is_unbalanced in ((0.0, False), (EFFECT, False), (EFFECT, True)):
                tasks = [(number, n, n_seeds, effect, is_unbalanced) for number in range(arguments.studies)]
                found = summarize(pool.map(evaluate, tasks, chunksize=25))
                rows.append({"n_architectures": n, "n_seeds": n_seeds, "effect": effect,
                             "is_unbalanced": is_unbalanced, **found})  # fmt: skip
                print(json.dumps(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"studies": arguments.studies, "designs": rows}, indent=1))


if __name__ == "__main__":
    main()
