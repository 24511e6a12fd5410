"""A family that the package does not know: the contract, then a whole study to a report."""

import copy

import pandas as pd
import pytest
import torch
from ase.build import bulk

import pareto_search as ps
from pareto_search.config import StudyConfig, parse_architecture
from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import ConfigError
from pareto_search.potential.build import build_potential
from pareto_search.potential.exports import export_model
from pareto_search.testing import PotentialContract
from tests.pair_potential import NAME, PairArchitecture
from tests.potential.systems import alloy
from tests.tiny_study import TINY


class TestPair(PotentialContract):
    @pytest.fixture
    def atoms(self):
        return alloy()

    @pytest.fixture
    def potential(self, atoms):
        references = ReferenceEnergies({int(z): -3.0 for z in set(atoms.numbers)})
        return build_potential(PairArchitecture(radius_ang=5.0), references, seed=1).double()


def test_its_weights_follow_from_the_seed():
    first, same, other = (
        build_potential(PairArchitecture(), ReferenceEnergies({13: 0.0}), seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(*(potential.state_dict()["weight"] for potential in (first, same)))
    assert not torch.equal(*(potential.state_dict()["weight"] for potential in (first, other)))


def test_its_settings_come_back_from_their_plain_form():
    architecture = PairArchitecture(n_gaussians=5)
    assert parse_architecture(architecture.model_dump(mode="json")) == architecture


@pytest.fixture(scope="module")
def run(tmp_path_factory, one_ray):
    config = copy.deepcopy(TINY)
    own = {"family": NAME, "n_gaussians": {"low": 4, "high": 12}, "weight_forces": 10.0}
    config["search"] |= {"space": own, "n_trials": 2}
    config["confirm"] |= {"max_front": 2, "n_ladder": 0, "controls": ["paper"]}
    out = tmp_path_factory.mktemp("own") / "run"
    ps.run(StudyConfig.model_validate(config), out)
    return out


@pytest.mark.cluster
@pytest.mark.slow
def test_it_is_trained_timed_probed_and_compared(run):
    models = pd.read_csv(run / "models.csv")
    trained = models[models["stage"] == "confirm"]
    assert set(trained["role"]) == {"student", "control"}
    assert set(trained["family"]) == {NAME}
    assert trained["label"].str.startswith("pair ").all()
    assert trained["n_gaussians"].between(4, 12).all()
    assert (trained["dist_hard_max_ang"] == 4.5).all()
    assert trained["n_features"].isna().all()  # HIPNN's own
    assert (trained["engine"] == "torch").all()
    assert (
        trained[["test_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms", "bytes_per_atom"]]
        .gt(0)
        .to_numpy()
        .all()
    )


@pytest.mark.cluster
@pytest.mark.slow
def test_it_is_drawn_in_the_report_and_loaded_from_the_run(run):
    results = ps.open_results(run)
    summary = results.summary
    assert summary.headline.control_kind == "paper"
    assert summary.headline.paired_force_rmse.n == summary.n_architectures > 0
    assert "pair " in (run / "report.html").read_text()
    assert len(results.figure("fig2a").data) > 0
    student = results.load(summary.front[0])
    atoms = bulk("Al", cubic=True).repeat(2)
    atoms.rattle(0.1, seed=1)
    energy, forces = student.energy_forces(atoms)
    assert abs(forces).max() > 1e-3
    assert energy == pytest.approx(student.atomic_energies(atoms).sum(), rel=1e-5)


@pytest.mark.cluster
@pytest.mark.slow
def test_an_export_that_takes_hippynns_networks_alone_refuses_it(run, tmp_path):
    name = ps.open_results(run).summary.front[0]
    with pytest.raises(ConfigError, match="cannot be exported to hippynn, which takes hippynn's networks alone"):
        export_model(run / "models" / name, "hippynn", tmp_path / "new")
    export_model(run / "models" / name, "ase", tmp_path / "carried")
    assert ps.load(tmp_path / "carried").potential.architecture.family == NAME
