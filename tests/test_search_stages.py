"""Whole searches on a tiny study: pruning, warm start and tuned controls, through the command line."""

import copy
import json
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import yaml
from optuna.trial import TrialState

from tests.tiny_study import TINY, call

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


def config_of(folder: Path, name: str, **changes) -> Path:
    """TINY with a weight to search and one architecture, so that errors alone decide what is pruned, and changes."""
    config = copy.deepcopy(TINY)
    config["search"]["space"] |= {"n_features": 8, "weight_forces": {"low": 3, "high": 30, "log": True}}
    config["search"] |= changes.pop("search", {})
    config["confirm"] |= changes.pop("confirm", {})
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config | changes))
    return path


def trials_of(out: Path) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{out / 'study.db'}")
    try:
        return optuna.load_study(study_name=None, storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


@pytest.fixture(scope="module")
def pruned(tmp_path_factory, one_ray) -> Path:
    """A search in which trials are pruned, confirmed with tuned controls."""
    folder = tmp_path_factory.mktemp("pruned")
    search = {"n_trials": 6, "pruning": {"reduction_factor": 2}, "sampler": "random"}
    config = config_of(folder, "pruned", search=search, confirm={"controls": ["tuned"], "max_front": 1, "n_ladder": 0})
    assert call("run", config, "--out", folder / "run") == 0
    return folder / "run"


def test_pruned_trials_are_pruned_in_study_and_store_with_their_epoch_and_curve(pruned):
    models, curves = pd.read_csv(pruned / "models.csv"), pd.read_csv(pruned / "curves.csv")
    trials = trials_of(pruned)
    assert len(trials) == 6
    given_up = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert given_up
    assert {trial.state for trial in trials} == {TrialState.PRUNED, TrialState.COMPLETE}
    rows = models[models["status"] == "pruned"].set_index("trial_id")
    assert set(rows.index) == {trial.number for trial in given_up}
    for trial in given_up:
        row: Any = rows.loc[trial.number]
        assert row["reason"] == trial.user_attrs["reason"]
        assert row["reason"].startswith("not among the best 1/2 at epoch")
        curve = curves[curves["model_id"] == row["model_id"]]
        assert list(curve["epoch"]) == list(range(1, int(row["n_epochs"]) + 1))
        assert curve["valid_force_rmse_ev_per_ang"].iloc[-1] == row["valid_force_rmse_ev_per_ang"]
    assert not rows["n_epochs"].eq(3).any()
    log = (pruned / "log.txt").read_text()
    for trial in given_up:
        assert f"trial {trial.number}: waits at epoch {rows['n_epochs'][trial.number]:.0f}" in log


def test_events_tell_how_the_run_went(pruned):
    events, models = pd.read_csv(pruned / "events.csv"), pd.read_csv(pruned / "models.csv")
    stages = events[events["kind"].str.startswith("stage")]
    names = ["teacher", "search", "tuned controls", "confirmation"]
    assert list(stages["stage"]) == [name for name in names for _ in range(2)]
    assert list(stages["kind"]) == ["stage_began", "stage_ended"] * 4
    assert (events["at_s"].diff().dropna() >= 0).all()
    counts = events["kind"].value_counts()
    assert counts["trial_began"] == counts["trial_ended"] == 6
    ended = events[events["kind"] == "trial_ended"].set_index("trial_id")
    assert counts["training"] == 6 + counts["paused"] - (ended["status"] == "pruned").sum()
    students = models[(models["stage"] == "search") & (models["trial_id"].notna())].set_index("trial_id")
    assert ended["status"].to_dict() == students["status"].to_dict()
    last = events[events["kind"] == "epoch"].groupby("trial_id").last()
    complete = ended.index[ended["status"] == "complete"]
    assert last.loc[complete, "epoch"].eq(3).all()
    networks = events[(events["kind"] == "network_ended")]
    of_trials, networks = networks[networks["trial_id"].notna()], networks[networks["trial_id"].isna()]
    assert set(of_trials["model_id"]) == set(models.loc[models["trial_id"].notna(), "model_id"])
    begun = stages[(stages["kind"] == "stage_began") & stages["stage"].isin(names[2:])]
    assert len(networks) == begun["n_planned"].sum()
    assert networks["seconds"].gt(0).all()


def test_the_tuned_control_has_the_weights_that_were_best_on_validation(pruned):
    models = pd.read_csv(pruned / "models.csv")
    controls = models[models["control_kind"] == "tuned"]
    tried, kept = controls[controls["stage"] == "search"], controls[controls["stage"] == "confirm"]
    students = models[(models["stage"] == "confirm") & (models["role"] == "student")]
    assert len(kept) == len(students)
    assert len(tried) >= 6  # as many as the search had trials
    assert (controls["weight_atomic_energy"] == 0).all()
    best = tried.sort_values("valid_force_rmse_ev_per_ang").iloc[0]
    assert set(kept["weight_forces"]) == {best["weight_forces"]}
    assert json.loads((pruned / "report.json").read_text())["control_kind"] == "tuned"


def test_a_warm_start_knows_the_trials_of_the_other_run_and_repeats_nothing(pruned, tmp_path, capsys):
    search = {"n_trials": 2, "pruning": {"reduction_factor": 2}, "warm_start": [str(pruned)], "seed": 5}
    out = tmp_path / "warm"
    config = config_of(tmp_path, "warm", search=search)
    assert call("search", config, "--out", out) == 0
    errors = capsys.readouterr().err
    assert "teacher: taken over" in errors
    assert "6 of 6 trials are of use here" in errors
    trials = trials_of(out)
    assert len(trials) == 8  # those taken over do not count
    assert [trial.params for trial in trials[:6]] == [trial.params for trial in trials_of(pruned)]
    names = {path.name for path in (out / "models").iterdir()}
    theirs = pd.read_csv(pruned / "models.csv")
    mine = theirs[theirs["trial_id"].notna() & (theirs["status"] == "complete")]
    assert set(mine["model_id"]) <= names
    assert not set(theirs.loc[theirs["stage"] == "confirm", "model_id"]) & names
    assert call("search", config, "--out", out) == 0
    assert len(trials_of(out)) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": {"seed": 7}}, "used other data or another split"),
        ({"teacher": {**TINY["teacher"], "seed": 9}}, "another teacher"),
    ],
)
def test_a_warm_start_from_other_data_or_labels_is_refused(pruned, tmp_path, capsys, changes, message):
    search = {"n_trials": 2, "warm_start": [str(pruned)]}
    assert call("search", config_of(tmp_path, "other", search=search, **changes), "--out", tmp_path / "out") == 2
    errors = capsys.readouterr().err
    assert message in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_two_families_go_through_search_costs_controls_and_report(one_ray, tmp_path):
    space = TINY["search"]["space"] | {
        "n_features": 6, "l_max": 1, "n_max": 2, "family": {"choices": ["hipnn", "hiphop"]},
        "weight_forces": 30, "weight_atomic_energy": 10,
    }  # fmt: skip
    search = TINY["search"] | {"space": space, "sampler": "grid", "n_trials": 2}
    config = TINY | {"search": search, "confirm": {"n_seeds": 1, "select": "all", "controls": ["ablation"]}}
    (tmp_path / "families.yaml").write_text(yaml.safe_dump(config))
    assert call("run", tmp_path / "families.yaml", "--out", tmp_path / "run") == 0
    models = pd.read_csv(tmp_path / "run" / "models.csv")
    confirmed = models[models["stage"] == "confirm"]
    assert sorted(zip(confirmed["family"], confirmed["role"], confirmed["engine"], strict=True)) == [
        ("hiphop", "control", "hippynn"), ("hiphop", "student", "hippynn"),
        ("hipnn", "control", "explicit"), ("hipnn", "student", "explicit"),
    ]  # fmt: skip
    assert (confirmed["status"] == "complete").all()
    assert confirmed[["md_us_per_atom_step", "max_atoms", "test_force_rmse_ev_per_ang"]].notna().all(axis=None)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["n_architectures"] == 2
    assert "6/6/1 hiphop n=2" in (tmp_path / "run" / "report.html").read_text()
