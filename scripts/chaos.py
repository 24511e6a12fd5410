"""Kill a short study over and over at random moments, and compare what it ends with to an undisturbed run.

The study runs once undisturbed, in OUT/undisturbed. Then it runs in OUT/killed: its driver is killed (SIGKILL; Ray's
processes notice by themselves) after a random delay, at most the undisturbed duration, and the same command is given
again at once, as a user would. A study that ends before its next kill is compared, and another is begun in
OUT/killed-2, and so on until all kills are delivered. Each study has a cache of its own, so that kills also fall into
the generation of data and into measurements.

The result counts, over all killed studies, networks that are missing (`lost`), that were trained twice or written again
after they had been finished (`doubled`), that differ in any number that repeats (`mismatched`), and trials that Optuna
still takes for running (`zombies`). Exit code 1 if there are any, or if a command fails by itself.
"""

import argparse
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import optuna
import pandas as pd

#: Nothing in it depends on clocks or on the order in which trials end: the sampler is random, no trial is pruned, and
#: all architectures are confirmed, whatever they cost. Checkpoints are written after every epoch.
CONFIG = """
name: chaos
data: {source: emt-aluminum, n_frames: 20}
teacher:
  architecture: &shape
    {n_features: 8, n_sensitivities: 6, n_atom_layers: 1, dist_soft_max_ang: 4.0, dist_hard_max_ang: 4.5}
  training: {max_epochs: 30, batch_size: 8, checkpoint_every_s: 0.001}
search:
  space: {<<: *shape, n_features: {low: 4, high: 8}}
  sampler: random
  pruning: null
  n_trials: 4
  training: {max_epochs: 10, batch_size: 8, checkpoint_every_s: 0.001}
confirm: {n_seeds: 1, max_front: 4, n_ladder: 4, controls: [paper, ablation]}
measure:
  {structure: {symbol: Al}, n_atoms: 32, n_steps: 5, n_warmup_steps: 0, memory_budget_gib: 0.004, rel_tol: 0.3}
cluster: {dashboard: false}
"""
#: Columns of models.csv that a repeated run may fill differently: clocks, measured costs, which trial came first to a
#: control that several share.
NOISE = ["trial_id", "train_s", "md_us_per_atom_step", "max_atoms", "bytes_per_atom"]
#: A study that takes longer than this hangs.
HANGS_S = 1800.0
#: The line of log.txt by which a network or a trial is said to be finished.
ANNOUNCED = re.compile(r"(trial \d+|\S+): (?:complete,|test force_rmse=)")

Stamps = dict[str, tuple[int, str]]

# --- what a run directory holds -------------------------------------------------------------------------------------


def finished_networks(out: Path) -> Stamps:
    """Time and SHA-256 of the record of every finished network, by its name."""
    stamps = {}
    for path in (*out.glob("teacher/model.json"), *out.glob("models/[!.]*/model.json")):
        content = path.read_bytes()
        record = json.loads(content)["record"]
        if record["status"] not in ("failed", "pruned"):  # those may be trained on
            stamps[record["model_id"]] = (path.stat().st_mtime_ns, hashlib.sha256(content).hexdigest())
    return stamps


def zombies(study_db: Path) -> list[str]:
    """Trials that are running in a study that has ended."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{study_db}")
    try:
        trials = optuna.load_study(study_name="chaos", storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()
    return [f"trial {trial.number}" for trial in trials if trial.state is optuna.trial.TrialState.RUNNING]


# --- comparison -----------------------------------------------------------------------------------------------------


def lost(models: pd.DataFrame, expected: pd.DataFrame, after: Stamps) -> list[str]:
    """Networks of the undisturbed run without a row or without a finished folder."""
    return sorted(set(expected["model_id"]) - (set(models["model_id"]) & set(after)))


def doubled(models: pd.DataFrame, before: Stamps, after: Stamps, log: str) -> list[str]:
    """Networks with several rows, written again after a kill had found them finished, or announced twice."""
    rows = models.loc[models["model_id"].duplicated(), "model_id"]
    rewritten = [name for name, stamp in before.items() if after.get(name, stamp) != stamp]
    announced = [name for name, n in Counter(ANNOUNCED.findall(log)).items() if n > 1]
    return sorted({*rows, *rewritten, *announced})


def mismatched(models: pd.DataFrame, expected: pd.DataFrame) -> list[str]:
    """Networks whose repeatable columns differ from the undisturbed run's, or that it does not have."""
    ours, theirs = (
        frame.drop_duplicates("model_id").set_index("model_id").drop(columns=NOISE, errors="ignore")
        for frame in (models, expected)
    )
    strangers = ours.index.difference(theirs.index)
    both = ours.index.intersection(theirs.index)
    columns = ours.columns.union(theirs.columns)
    ours, theirs = (frame.reindex(index=both, columns=columns) for frame in (ours, theirs))
    is_equal = ((ours == theirs) | (ours.isna() & theirs.isna())).all(axis=1)
    return sorted([*strangers, *both[~is_equal.to_numpy()]])


def compare(out: Path, undisturbed: Path, before: Stamps) -> dict[str, list[str]]:
    """What went wrong in a killed study, given the networks that its kills had found finished."""
    models, expected = (pd.read_csv(folder / "models.csv") for folder in (out, undisturbed))
    after = finished_networks(out)
    return {
        "lost": lost(models, expected, after),
        "doubled": doubled(models, before, after, (out / "log.txt").read_text()),
        "zombies": zombies(out / "study.db"),
        "mismatched": mismatched(models, expected),
    }


# --- running and killing --------------------------------------------------------------------------------------------


def run(out: Path, delay_s: float | None = None) -> bool:
    """Give the command; whether it ended before its driver was killed after a delay, if one is given."""
    said, cache = out.with_name(f"{out.name}.txt"), out.with_name(f"{out.name}-cache")
    with said.open("a") as output:
        driver = subprocess.Popen(
            [sys.executable, "-m", "pareto_search.cli", "run", str(out.with_name("chaos.yaml")), "--out", str(out)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ray may clean up after a dead driver by killing its process group
            env={**os.environ, "OMP_NUM_THREADS": "1", "PARETO_SEARCH_CACHE_DIR": str(cache)},
        )
    try:
        driver.wait(HANGS_S if delay_s is None else delay_s)
    except subprocess.TimeoutExpired:
        if delay_s is None:
            raise
        driver.kill()
        return driver.wait() == 0  # it may have ended just before
    finally:
        driver.kill()  # after an interruption; does nothing to one that has ended
    if driver.returncode != 0:
        raise SystemExit(f"{out}: exit code {driver.returncode}\n{said.read_text()[-4000:]}")
    return True


def kill_often(out: Path, n_kills: int, rng: random.Random, longest_s: float) -> tuple[int, Stamps]:
    """Run a study to its end under at most so many kills; their number, and the networks they found finished."""
    before: Stamps = {}
    for n_killed in range(n_kills):
        delay_s = rng.uniform(0.0, longest_s)
        if run(out, delay_s):
            return n_killed, before
        found = finished_networks(out)
        before = {**found, **before}  # the first stamp of each counts
        print(f"{out.name}: killed after {delay_s:.2f} s, {len(found)} networks finished", flush=True)
    run(out)
    return n_kills, before


def chaos(out: Path, n_kills: int, seed: int) -> dict[str, int]:
    """Deliver the kills and count what they broke."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "chaos.yaml").write_text(CONFIG)
    undisturbed, started = out / "undisturbed", time.monotonic()
    run(undisturbed)
    duration_s = time.monotonic() - started
    n_networks = len(pd.read_csv(undisturbed / "models.csv"))
    print(f"seed {seed}; undisturbed: {duration_s:.1f} s, {n_networks} networks", flush=True)
    rng, total, n_left, n_studies = random.Random(seed), Counter[str](), n_kills, 0
    while n_left:
        n_studies += 1
        killed = out / ("killed" if n_studies == 1 else f"killed-{n_studies}")
        n_killed, before = kill_often(killed, n_left, rng, duration_s)
        n_left -= n_killed
        damage = compare(killed, undisturbed, before)
        print(f"{killed.name}: compared after {n_killed} kills, {damage}", flush=True)
        total.update({kind: len(names) for kind, names in damage.items()})
    return {"kills": n_kills, **total, "seed": seed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=Path, help="new or empty folder for the studies; omitted: a temporary one")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    options = parser.parse_args()
    if options.kills < 1:
        parser.error(f"--kills is at least 1, got {options.kills}")
    if options.out and options.out.is_dir() and any(options.out.iterdir()):
        parser.error(f"{options.out} is not empty: a finished study would not run again; name a new --out")
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as scratch:
        result = chaos((options.out or Path(scratch)).resolve(), options.kills, options.seed)
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    sys.exit(any(result[kind] for kind in ("lost", "doubled", "zombies", "mismatched")))


if __name__ == "__main__":
    main()
