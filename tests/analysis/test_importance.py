import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.importance import Importance, importances
from pareto_search.analysis.networks import clean_models
from pareto_search.objectives import objectives_named

ERROR = "valid_force_rmse_ev_per_ang"


def search(n, rng, noise=0.1, **columns):
    """Students of a search whose log error falls with features, more weakly with atom layers, and not else."""
    features, layers = np.round(12 * 8 ** rng.random(n)), rng.integers(1, 5, n)
    hard = rng.uniform(4, 7, n)
    frame = pd.DataFrame({
        "model_id": [f"t{i}" for i in range(n)], "stage": "search", "role": "student", "status": "complete",
        "n_features": features, "n_atom_layers": layers, "n_sensitivities": 20, "dist_hard_max_ang": hard,
        "dist_soft_max_ang": hard - 0.5, "weight_forces": 10 ** rng.uniform(0, 2, n), "activation": "softplus",
        ERROR: features**-0.5 * layers**-0.4 * np.exp(noise * rng.standard_normal(n)),
        "md_us_per_atom_step": hard**3, "max_atoms": 1e6 / features,
    })  # fmt: skip
    return clean_models(frame.assign(**columns))


def of(models, objective=ERROR) -> Importance:
    return next(i for i in importances(models, objectives_named()) if i.objective == objective)


def by_name(found):
    return {effect.parameter: effect for effect in found.effects}


def test_the_strongest_comes_first_with_its_sign():
    found = of(search(60, np.random.default_rng(0)))
    assert [effect.parameter for effect in found.effects][:2] == ["n_features", "n_atom_layers"]
    assert all(effect.is_sure and effect.correlation < 0 for effect in found.effects[:2])
    assert found.explained > 0.8


def test_costs_are_explained_by_what_makes_them():
    models = search(60, np.random.default_rng(1))
    time, atoms = of(models, "md_us_per_atom_step").effects[0], of(models, "max_atoms").effects[0]
    assert (time.parameter, atoms.parameter) == ("dist_hard_max_ang", "n_features")
    assert time.correlation == pytest.approx(1, abs=0.1)
    assert atoms.correlation == pytest.approx(-1, abs=0.1)


def test_square_is_the_variance_lost_without_the_hyperparameter():
    models = search(40, np.random.default_rng(2), noise=0.3)
    names = ["n_features", "n_atom_layers", "dist_hard_max_ang", "weight_forces"]
    ranks = models[[*names, ERROR]].rank().to_numpy()

    def explained(columns):
        terms = np.column_stack([np.ones(len(ranks)), ranks[:, columns]])
        left = ranks[:, -1] - terms @ np.linalg.lstsq(terms, ranks[:, -1], rcond=None)[0]
        return 1 - left.var() / ranks[:, -1].var()

    found = of(models)
    assert by_name(found)["weight_forces"].share == pytest.approx(explained([0, 1, 2, 3]) - explained([0, 1, 2]))
    assert by_name(found)["n_features"].share == pytest.approx(explained([0, 1, 2, 3]) - explained([1, 2, 3]))
    assert found.explained == pytest.approx(1 - (1 - explained([0, 1, 2, 3])) * 39 / 35)


def test_a_hyperparameter_that_only_goes_along_with_another_gets_nothing():
    rng = np.random.default_rng(3)
    models = search(200, rng)
    models["weight_forces"] = models["n_features"] * np.exp(0.3 * rng.standard_normal(200))
    assert by_name(of(models))["weight_forces"].share < 0.01
    assert by_name(of(models))["n_features"].share > 0.1


def test_noise_is_seldom_sure():
    rng = np.random.default_rng(4)
    found = [of(search(30, rng, md_us_per_atom_step=np.nan, max_atoms=np.nan)) for _ in range(60)]
    sure = [by_name(f)[name].is_sure for f in found for name in ("dist_hard_max_ang", "weight_forces")]
    assert np.mean(sure) <= 0.12


def test_what_is_fixed_or_repeats_another_is_left_out():
    found = of(search(40, np.random.default_rng(5)))
    assert set(by_name(found)) == {"n_features", "n_atom_layers", "dist_hard_max_ang", "weight_forces"}


def test_activations_are_compared_with_the_first():
    rng = np.random.default_rng(6)
    models = search(60, rng, activation=rng.choice(["softplus", "silu", "tanh"], 60))
    models.loc[models["activation"] == "tanh", ERROR] *= 3
    found = by_name(of(models))
    assert found["activation=tanh"].correlation > 0.3
    assert found["activation=tanh"].is_sure
    assert "activation=silu" not in found


def test_too_few_trials_are_said_to_be_too_few():
    found = of(search(19, np.random.default_rng(7)))
    assert (found.effects, found.explained) == ((), None)
    assert found.reason == "19 trials are too few: at least 20 are needed"
    assert of(search(20, np.random.default_rng(7))).reason is None
    assert "0 trials" in (of(clean_models(pd.DataFrame())).reason or "")


def test_a_search_of_nothing_has_no_importance():
    fixed = {"n_features": 12, "n_atom_layers": 1, "dist_hard_max_ang": 5.0, "dist_soft_max_ang": 4.5}
    models = search(30, np.random.default_rng(8), weight_forces=30.0, **fixed)
    assert of(models).reason == "no hyperparameter was searched"


def test_pruned_trials_count_for_costs_alone():
    models = search(60, np.random.default_rng(9))
    models.loc[:19, "status"] = "pruned"
    assert [i.n_trials for i in importances(models, objectives_named())] == [40, 60, 60]


def test_an_objective_that_does_not_vary_is_explained_by_nothing():
    found = of(search(30, np.random.default_rng(10), max_atoms=1000), "max_atoms")
    assert all(effect.correlation == 0 and not effect.is_sure for effect in found.effects)


def test_same_seed_same_intervals():
    models = search(30, np.random.default_rng(11))
    assert importances(models, objectives_named()) == importances(models, objectives_named())
