import pytest
import torch

from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import ConfigError
from pareto_search.potential.build import take_over_interaction
from pareto_search.potential.hipnn import HipnnPotential
from tests.training.toy import TINY

REFERENCES = ReferenceEnergies({13: -1.0, 42: -2.0})


def _network(seed, **changes):
    return HipnnPotential(TINY.model_copy(update=changes), REFERENCES, seed=seed)


def _interaction(potential):
    return dict(potential.network.blocks[0][0].base_layer.named_parameters())


def test_equal_shapes_take_over_the_whole_interaction_and_nothing_else():
    student, teacher, before = _network(1), _network(2), _network(1)
    taken = take_over_interaction(student, teacher, is_frozen=False)
    assert len(taken) == len(_interaction(student)) >= 5
    assert all(torch.equal(w, _interaction(teacher)[name]) for name, w in _interaction(student).items())
    own = {name for name, _ in student.named_parameters() if ".0.0.base_layer." not in name}
    assert len(own) == len(list(student.parameters())) - len(taken)
    assert all(torch.equal(student.get_parameter(name), before.get_parameter(name)) for name in own)
    assert sum(p.requires_grad for p in student.parameters()) == sum(p.requires_grad for p in before.parameters())


def test_a_narrower_student_takes_over_the_sensitivities():
    taken = take_over_interaction(student := _network(1, n_features=4), teacher := _network(2), is_frozen=True)
    assert {name.rpartition(".")[2] for name in taken} == {"mu", "sigma"}
    assert torch.equal(_interaction(student)["sensitivity.mu"], _interaction(teacher)["sensitivity.mu"])
    frozen = {name for name, weight in _interaction(student).items() if not weight.requires_grad}
    assert frozen == {"sensitivity.mu", "sensitivity.sigma"}
    assert student.n_weights == _network(1, n_features=4).n_weights


def test_nothing_to_take_over_is_refused():
    with pytest.raises(ConfigError, match="as many sensitivities"):
        take_over_interaction(_network(1, n_features=4, n_sensitivities=5), _network(2), is_frozen=False)
