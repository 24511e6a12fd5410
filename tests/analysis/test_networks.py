import pandas as pd
import pytest

from pareto_search.analysis.networks import Basis, average_networks, clean_models


@pytest.mark.parametrize("setting", ["learning_rate", "batch_size", "weight_forces", "n_features"])
def test_a_mean_over_seeds_is_over_nothing_else(setting):
    rows = [
        {"model_id": f"{value}-{seed}", "stage": "confirm", "role": "student", "status": "complete", "seed": seed,
         "n_features": 16, setting: value, "test_force_rmse_ev_per_ang": error + 0.01 * seed}
        for value, error in ((2, 0.1), (4, 0.3)) for seed in (1, 2, 3)
    ]  # fmt: skip
    networks = average_networks(clean_models(pd.DataFrame(rows)), Basis("confirm", "test")).sort_values(setting)
    assert networks["seeds"].tolist() == [(1, 2, 3)] * 2
    assert networks["force_rmse_ev_per_ang"].tolist() == pytest.approx([0.12, 0.32])


def test_student_and_control_have_the_cost_of_their_architecture_though_it_was_measured_again():
    rows = [
        {"model_id": f"{role}-{seed}", "stage": "confirm", "role": role, "status": "complete", "seed": seed,
         "n_features": 16, "engine": "explicit", "device": "cpu", "md_us_per_atom_step": us,
         "test_force_rmse_ev_per_ang": 0.1}
        for role, seed, us in (("student", 1, 12.3), ("student", 2, 11.9), ("control", 1, 11.9), ("control", 2, 11.9))
    ]  # fmt: skip
    networks = average_networks(clean_models(pd.DataFrame(rows)), Basis("confirm", "test"))
    assert networks["md_us_per_atom_step"].tolist() == [11.9, 11.9]
    assert networks["bytes_per_atom"].isna().all()
