"""Guards of the engine's speed and memory that count work instead of seconds: they see a change on any machine."""

import numpy as np
import pytest
import torch
from ase import units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet
from torch.utils._python_dispatch import TorchDispatchMode

from pareto_search.config import HipnnArchitecture, LossWeights, TrainingSettings
from pareto_search.data.references import ReferenceEnergies
from pareto_search.potential.calculator import VerletCalculator, list_sizes
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.verlet import VerletList
from pareto_search.training.step import Steps
from tests.potential.batches import batch_of
from tests.potential.systems import SMALL, alloy, aluminum, potential_for

PAPER = HipnnArchitecture(n_features=24, n_sensitivities=10, n_atom_layers=2)


class Counter(TorchDispatchMode):
    """Counts operator calls, exponentials of how many numbers, and the bytes of the largest result."""

    def __init__(self):
        super().__init__()
        self.n_calls = self.n_exponentials = self.largest_bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.n_calls += 1
        if isinstance(result, torch.Tensor):
            self.largest_bytes = max(self.largest_bytes, result.numel() * result.element_size())
            self.n_exponentials += result.numel() if function is torch.ops.aten.exp.default else 0
        return result


def count_train_step(atoms, n_frames):
    potential = potential_for(atoms).float()
    steps = Steps(potential, TrainingSettings(), is_compiled=False)
    batch, targets = batch_of(potential, [atoms] * n_frames)
    loss_weights = steps.loss_weights(LossWeights())
    with Counter() as counter:
        steps.train(batch, targets, loss_weights)
    return counter, batch


@pytest.mark.parametrize("build", [aluminum, alloy])
def test_operator_calls_of_a_train_step_do_not_grow(build):
    one, _ = count_train_step(build(), 2)
    two, batch = count_train_step(build(), 8)
    assert one.n_calls == two.n_calls <= 680
    assert two.n_exponentials == batch.neighbor.numel() * SMALL.n_sensitivities  # once for each pair and sensitivity


def crystal(n_cells):
    atoms = bulk("Al", a=4.05, cubic=True).repeat(n_cells)
    atoms.rattle(0.05, seed=0)
    return atoms


def calculator(**options):
    potential = HipnnPotential(PAPER, ReferenceEnergies({13: -3.0}), seed=0)
    return VerletCalculator(potential, skin_ang=0.5, is_compiled=False, **options)


def test_operator_calls_and_arrays_of_an_md_step():
    atoms, calc = crystal(6), calculator()
    atoms.calc = calc
    atoms.get_forces()
    atoms.positions += 0.01
    with Counter() as counter:
        atoms.get_forces()
    chunks = calc.list.chunks
    assert len(chunks) == 4
    assert counter.n_calls <= 40 + 190 * len(chunks)
    assert counter.n_exponentials == sum(chunk.size for chunk in chunks) * PAPER.n_sensitivities
    assert counter.largest_bytes <= 4 * 400_000  # no array of pairs × sensitivities is larger than a chunk


def test_a_small_budget_makes_small_chunks_and_searches():
    sizes = list_sizes(HipnnPotential(PAPER, ReferenceEnergies({13: -3.0}), seed=0), 2**22)
    assert sizes.search_bytes == 2**19
    assert sizes.chunk_pairs * PAPER.n_sensitivities * 24 <= 2**19


def test_bytes_an_atom_of_the_list():
    """int32 for each padded neighbour, int8 shifts of the ghosts alone, and the atoms' positions and numbers."""
    atoms = crystal(12)
    found = VerletList.build(atoms, 7.5, 0.5, elements=(13,), sizes=calculator()._sizes)
    arrays = [getattr(found, name) for name in ("order", "wrap", "ghost_source", "ghost_shift", "numbers", "positions")]
    n_bytes = sum(array.nbytes for array in (*arrays, *found.chunks)) / len(atoms)
    assert found.n_pairs / len(atoms) == pytest.approx(135, abs=2)
    assert n_bytes < 4 * 146 + 4 + 6 + 32 + 7 * len(found.ghost_source) / len(atoms)
    assert all(chunk.dtype == np.int32 for chunk in found.chunks)


def test_lists_are_built_when_an_atom_moved_half_the_skin_and_not_before():
    atoms, calc = crystal(4), calculator()
    atoms.calc = calc
    atoms.set_momenta(np.outer(atoms.get_masses(), [0.0, 0.0, 0.0]))
    atoms.arrays["momenta"][7] = atoms.get_masses()[7] * np.array([0.06, 0.0, 0.0]) / units.fs  # 0.06 Å a step
    VelocityVerlet(atoms, 1.0 * units.fs).run(12)
    # The fresh network's forces are tiny: 0.25 Å are passed at the 5th step, and again 5 steps after it.
    assert calc.n_list_builds == 3
