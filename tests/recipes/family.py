"""The family meets the contract, comes back from its plain values and learns, chosen by its short name."""

import pytest

from pareto_search.config import LossWeights, SpaceSettings, TrainingSettings, parse_architecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.measure.accuracy import measure_accuracy
from pareto_search.potential.build import build_potential
from pareto_search.testing import PotentialContract
from pareto_search.training.fit import fit
from tests.potential.systems import alloy
from tests.training.toy import toy_data


class TestContract(PotentialContract):
    @pytest.fixture
    def atoms(self):
        return alloy()

    @pytest.fixture
    def potential(self, atoms):
        references = ReferenceEnergies({int(z): -3.0 for z in set(atoms.numbers)})
        return build_potential(
            parse_architecture({"family": "finnis-sinclair", "radius_ang": 5.0}), references, seed=1
        ).double()


def test_a_study_can_search_it():
    space = SpaceSettings(
        family="finnis-sinclair", n_gaussians={"low": 4, "high": 8}, weight_forces=10, weight_atomic_energy=10
    )
    assert list(space.searched) == ["n_gaussians"]
    architecture = space.families["finnis-sinclair"].from_point(
        {"family": "finnis-sinclair", "n_gaussians": 5, "radius_ang": 4.5}
    )
    assert parse_architecture(architecture.model_dump(mode="json")) == architecture
    assert architecture.label == "FS 5"


def test_it_learns():
    data, architecture = toy_data(), parse_architecture({"family": "finnis-sinclair"})
    potential = build_potential(architecture, data.references, seed=3)
    loader = data.loader(architecture, labels=data.labels, device="cpu")
    before = measure_accuracy(potential, loader, data.split.valid)
    training = TrainingSettings(max_epochs=60, batch_size=5, learning_rate=5e-3, checkpoint_every_s=1e9)
    fit(potential, loader, data.split, LossWeights(weight_atomic_energy=0.0), training, seed=0)
    after = measure_accuracy(potential, loader, data.split.valid)
    assert after.force_rmse_ev_per_ang < 0.5 * before.force_rmse_ev_per_ang
