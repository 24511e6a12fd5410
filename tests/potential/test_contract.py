from typing import Any

import pytest

from pareto_search.testing import PotentialContract
from tests.potential.systems import SMALL, SYSTEMS, potential_for

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "one element": ("aluminum", {}),
    "two elements": ("alloy", {}),
    "images of one neighbour": ("triclinic", {}),
    "molecule": ("ethanol", {}),
    "input as wide as the features": ("ethanol", {"n_features": 3}),
    "l=0 on hippynn": ("aluminum", {"l_max": 0}),
    "l=2 on hippynn": ("alloy", {"l_max": 2}),
    "two interaction layers on hippynn": ("aluminum", {"n_interaction_layers": 2}),
    "silu on hippynn": ("aluminum", {"activation": "silu"}),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request):
    name, changes = request.param
    atoms = SYSTEMS[name]()
    return atoms, potential_for(atoms, SMALL.model_copy(update=changes))


class TestHipnn(PotentialContract):
    @pytest.fixture
    def atoms(self, case):
        return case[0]

    @pytest.fixture
    def potential(self, case):
        return case[1]


class TestHipHop(PotentialContract):
    rotation_rtol = 1e-6  # hippynn keeps the constants of its tensors in single precision

    @pytest.fixture
    def atoms(self):
        return SYSTEMS["alloy"]()

    @pytest.fixture
    def potential(self, atoms):
        return potential_for(atoms, SMALL.model_copy(update={"family": "hiphop", "l_max": 2, "n_max": 3}))


def test_only_the_explicit_scheme_is_called_explicit():
    for name, changes in CASES.values():
        potential = potential_for(SYSTEMS[name](), SMALL.model_copy(update=changes))
        special = set(changes) & {"l_max", "n_interaction_layers", "activation"}
        assert potential.engine == ("hippynn" if special else "explicit")
