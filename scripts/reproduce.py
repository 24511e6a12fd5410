"""Rerun the paper's claims and what it left open, section by section, and write what was found as a document.

    python scripts/reproduce.py DATA --out runs/reproduction                        # everything, hours on two cores
    python scripts/reproduce.py DATA --out runs/reproduction --only ladder liquid
    python scripts/reproduce.py --out runs/reproduction --to docs/reproduction.md   # the document of what is there

DATA is a folder in the ANI-Al layout. Every section is a run from a config of `configs/`, in a folder of its own, with
a report; `ON_CPU` and the sections' own settings say how it is smaller than the paper. The same command again goes on
where it was interrupted. Beside the document lie the tables that it is written from, so that sections run at different
times or places meet in it.
"""

import argparse
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pareto_search import stages
from pareto_search.config import StudyConfig
from pareto_search.config_file import load_config
from reproduction.document import reproduction_markdown
from reproduction.kept import keep_runs

CONFIGS = Path(__file__).parents[1] / "configs"
PATIENCE = {"plateau_patience": 8, "termination_patience": 40}
#: What makes the paper's configs, which are for a GPU and all frames, fit on two CPU cores.
ON_CPU: dict[str, object] = {
    "device": "cpu",
    "cluster": {"gpus_per_trial": 0, "cpus_per_trial": 1, "dashboard": False},
    "teacher.training": {"batch_size": 16, "max_epochs": 120, **PATIENCE},
    "search.training": {"batch_size": 16},
    "confirm.training": {"batch_size": 16, "max_epochs": 60, **PATIENCE},
    "measure": {"n_atoms": 2048, "n_steps": 60, "n_warmup_steps": 5, "memory_budget_gib": 0.25},
}
#: MD of the liquid: the same start for all, so that little equilibration is needed.
LIQUID = {
    "n_atoms": 2048, "timestep_fs": 3, "n_steps_melt": 1000, "n_steps_equilibration": 300, "n_steps_sampling": 1500,
    "n_steps_between_frames": 10, "n_blocks": 5, "n_steps_nve": 300,
}  # fmt: skip
#: The paper's Table 1 with an eighth of its epochs; the patience is an eighth, too.
SHORT_SCHEDULE = [
    {"epoch": epoch, "weight_atomic_energy": a, "weight_forces": f, "weight_energy": e}
    for epoch, a, f, e in ((1, 200, 75, 0.0), (25, 160, 63, 0.2), (31, 120, 51, 0.4), (37, 80, 39, 0.6),
                           (44, 40, 27, 0.8), (50, 0, 15, 1.0))
]  # fmt: skip
#: The students' own weight of forces, which makes a teacher far more accurate than the paper's does.
BETTER_TEACHER = {"teacher.weights.weight_forces": 30, "teacher.training.max_epochs": 200}
TUNED_POINTS = [
    {"n_features": f, "n_sensitivities": s, "n_atom_layers": n, "weight_forces": weight}
    for f, s, n in ((12, 8, 1), (32, 16, 2)) for weight in (10, 30, 60, 100)
]  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A run of the reproduction.

    Attributes:
        config: Name of its config.
        changes: Its settings beside `ON_CPU`, as names and values or mappings.
        run: What is done with it.
    """

    config: str
    changes: Mapping[str, object]
    run: Callable[[StudyConfig, Path], object] = stages.run


def liquid(config: StudyConfig, out: Path) -> None:
    """MD of the liquid by the networks of the ladder, whose run it belongs to."""
    stages.liquid(out.parent / "ladder", tuple(f"measure.liquid.{name}={value}" for name, value in LIQUID.items()))


SECTIONS = {
    "ladder": Section("paper-ladder", {}),
    "liquid": Section("paper-ladder", {}, liquid),
    "hippynn-engine": Section("paper-ladder", {
        "measure.engine": "hippynn", "teacher.training.max_epochs": 1, "confirm.training.max_epochs": 1,
        "confirm.controls": ["ablation"],
        "measure.memory_budget_gib": 2,  # with less, its neighbour search alone decides
    }),
    "tuned": Section("paper-ladder", {
        "search.space.weight_forces": {"choices": [10, 30, 60, 100]}, "search.points": TUNED_POINTS,
        "search.n_trials": len(TUNED_POINTS), "search.training": ON_CPU["confirm.training"],
        "confirm": {"select": "front", "max_front": 2, "n_ladder": 2, "controls": ["tuned", "ablation"]},
    }),
    "label-weights": Section("label-weights", {}),
    "label-weights-early": Section("label-weights", {"teacher.training.max_epochs": 15}),
    "label-weights-strong": Section("label-weights", BETTER_TEACHER),
    "label-weights-converged": Section("label-weights", {**BETTER_TEACHER, "confirm.training.max_epochs": 200}),
    "born-again": Section("born-again", {
        "confirm.training": {"max_epochs": 75, "plateau_patience": 4, "schedule": SHORT_SCHEDULE},
        "confirm.controls": ["paper", "ablation", "static"],  # the schedule without a teacher as well
    }),
    "ensemble": Section("teacher-ensemble", {}),
    "knowledge": Section("teacher-knowledge", {
        "search.transfer.pretraining": {"frames": {"n_frames": 400}, "training": {"max_epochs": 40, "batch_size": 16}},
    }),
}  # fmt: skip


def overrides(changes: Mapping[str, object], prefix: str = "") -> list[str]:
    """Settings as the command line takes them; a mapping with settings of its own is one setting for each."""
    found = []
    for name, value in changes.items():
        if isinstance(value, dict) and "choices" not in value:
            found += overrides(value, f"{prefix}{name}.")
        else:
            found.append(f"{prefix}{name}={value!r}".replace("True", "true").replace("False", "false"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, help="folder of the .h5 files; omitted: only --to")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run")
    parser.add_argument("--set", nargs="+", default=[], help="settings of all sections, as data.max_frames=200")
    parser.add_argument("--to", type=Path, help="write the document here")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for name in options.only if options.data else ():
        section = SECTIONS[name]
        changes = [*overrides(ON_CPU), *overrides(section.changes), f"data.path={options.data.resolve()}", *options.set]
        runs = [(options.out / other).resolve() for other in SECTIONS]
        changes += [f"teacher.reuse={[str(run) for run in runs if (run / 'config.yaml').is_file()]}"]
        section.run(load_config(CONFIGS / f"{section.config}.yaml", tuple(changes)), options.out / name)
    if options.to:
        folder = options.to.with_suffix("")
        keep_runs({name: options.out / name for name in SECTIONS}, folder)
        options.to.write_text(reproduction_markdown(folder), encoding="utf-8")


if __name__ == "__main__":
    main()
