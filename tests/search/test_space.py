import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pareto_search.config import Choice, HipnnArchitecture, LossWeights, Range, SpaceSettings
from pareto_search.errors import ConfigError
from pareto_search.search.space import distributions, ladder, to_architecture, to_features, to_point, to_weights

SPACE = SpaceSettings(
    n_features=Range(low=12, high=192, log=True),
    n_sensitivities=Range(low=8, high=40),
    n_atom_layers=Choice(choices=(1, 2, 4)),
    l_max=Choice(choices=(1,)),
    dist_hard_max_ang=Range(low=7.5, high=9.0),
    activation="silu",
    weight_atomic_energy=Range(low=0.3, high=300, log=True, zero_below=1),
)
SAMPLE = {
    "n_features": 20,
    "n_sensitivities": 9,
    "n_atom_layers": 4,
    "l_max": 1,
    "dist_hard_max_ang": 8.25,
    "weight_forces": 30.0,
    "weight_atomic_energy": 0.99,
    "trial_number": 7,
}


def test_distributions_match_the_settings() -> None:
    assert distributions(SPACE) == {
        "n_features": IntDistribution(12, 192, log=True),
        "n_sensitivities": IntDistribution(8, 40),
        "n_atom_layers": CategoricalDistribution((1, 2, 4)),
        "l_max": CategoricalDistribution((1,)),
        "dist_hard_max_ang": FloatDistribution(7.5, 9.0),
        "weight_forces": FloatDistribution(3, 100, log=True),
        "weight_atomic_energy": FloatDistribution(0.3, 300, log=True),
    }


def test_a_sample_becomes_an_architecture_with_the_fixed_values_filled_in() -> None:
    assert to_architecture(SPACE, SAMPLE) == HipnnArchitecture(
        n_features=20, n_sensitivities=9, n_atom_layers=4, dist_hard_max_ang=8.25, activation="silu"
    )


@pytest.mark.parametrize(("sampled", "weight"), [(0.3, 0.0), (0.99, 0.0), (1.0, 1.0), (250.0, 250.0)])
def test_weights_below_the_threshold_are_exactly_zero(sampled: float, weight: float) -> None:
    weights = to_weights(SPACE, {**SAMPLE, "weight_atomic_energy": sampled})
    assert weights == LossWeights(weight_energy=1.0, weight_forces=30.0, weight_atomic_energy=weight)


def test_a_sample_without_any_loss_is_refused() -> None:
    space = SPACE.model_copy(update={"weight_energy": 0.0, "weight_forces": 0.0})
    with pytest.raises(ConfigError, match="at least one loss weight"):
        to_weights(space, SAMPLE)


def test_an_impossible_combination_names_the_rule() -> None:
    with pytest.raises(ConfigError, match="dist_soft_max_ang < dist_hard_max_ang"):
        to_architecture(SPACE, {**SAMPLE, "dist_hard_max_ang": 6.0})


def test_a_sample_that_lacks_a_dimension_is_refused() -> None:
    with pytest.raises(ConfigError, match="n_features"):
        to_architecture(SPACE, {name: value for name, value in SAMPLE.items() if name != "n_features"})


def test_the_ladder_is_geometric_from_corner_to_corner() -> None:
    rungs = ladder(SPACE, 5)
    assert [rung.hyperparameters["n_features"] for rung in rungs] == [12, 24, 48, 96, 192]
    assert [rung.hyperparameters["n_atom_layers"] for rung in rungs] == [1, 1, 2, 4, 4]
    assert (rungs[0].hyperparameters["n_sensitivities"], rungs[-1].hyperparameters["n_sensitivities"]) == (8, 40)
    assert (rungs[0].cutoff_ang, rungs[-1].cutoff_ang) == (7.5, 9.0)
    assert [rung.hyperparameters["n_features"] for rung in ladder(SPACE, 1)] == [48]
    assert ladder(SPACE, 0) == []


def test_a_ladder_in_a_small_space_has_no_rung_twice() -> None:
    space = SpaceSettings(n_features=Choice(choices=(12, 24)), n_sensitivities=8, n_atom_layers=1)
    assert [rung.hyperparameters["n_features"] for rung in ladder(space, 6)] == [12, 24]


def test_points_take_the_types_of_the_distributions() -> None:
    point = {**SAMPLE, "n_features": 20.0, "weight_forces": 30, "n_atom_layers": 2.0}
    exact = to_point(SPACE, point)
    assert set(exact) == set(distributions(SPACE))
    for name, value in (("n_features", 20), ("weight_forces", 30.0), ("n_atom_layers", 2)):
        assert exact[name] == value
        assert type(exact[name]) is type(value)


def test_features_are_logarithms_where_the_scale_is_one_and_a_column_for_each_label() -> None:
    space = SpaceSettings(
        n_features=Range(low=10, high=100, log=True),
        n_atom_layers=Range(low=1, high=3),
        n_sensitivities=Choice(choices=(10, 30)),
        activation=Choice(choices=("softplus", "silu")),
        weight_forces=30,
        weight_atomic_energy=10,
    )
    point = {"n_features": 10, "n_atom_layers": 2, "n_sensitivities": 10, "activation": "silu"}
    assert to_features(space, point).tolist() == pytest.approx([math.log(10), math.log(10), 2.0, 0.0, 1.0])


def test_a_space_may_hold_both_families():
    space = SpaceSettings(
        family=Choice(choices=("hipnn", "hiphop")), n_max=Choice(choices=(2, 3)), l_max=2, n_features=8,
        n_sensitivities=6, n_atom_layers=1, weight_forces=30, weight_atomic_energy=10,
    )  # fmt: skip
    shapes = [to_architecture(space, {"family": family, "n_max": n}) for family in ("hipnn", "hiphop") for n in (2, 3)]
    assert [(shape.family, shape.hyperparameters["n_max"]) for shape in shapes] == [
        ("hipnn", 1), ("hipnn", 1), ("hiphop", 2), ("hiphop", 3),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="hiphop needs l_max from 1"):
        SpaceSettings(family="hiphop", n_max=2, l_max=0)
    with pytest.raises(ValueError, match="hipnn has l_max up to 2"):
        SpaceSettings(l_max=3)
