"""Contract tests to subclass: a new kind of potential supplies fixtures and inherits every test."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from numpy.typing import NDArray

from pareto_search.data.dataset import from_frames
from pareto_search.data.neighbors import build_neighbor_table
from pareto_search.networks.external_calculator import Teacher, TeacherEvaluation, evaluate_teacher
from pareto_search.potential.batch import make_batch
from pareto_search.potential.interface import Evaluation, Potential


def evaluate_frames(potential: Potential, frames: list[Atoms], *, with_forces: bool = True) -> Evaluation:
    """A potential's evaluation of some frames, as one batch in its own precision.

    Args:
        potential: The potential.
        frames: The systems.
        with_forces: Whether forces are wanted.
    """
    labelled = []
    for atoms in frames:
        bare = atoms.copy()
        bare.calc = SinglePointCalculator(bare, energy=0.0, forces=np.zeros((len(bare), 3)))
        labelled.append(bare)
    dataset = from_frames(labelled, ["test"] * len(frames), {})
    table = build_neighbor_table(dataset, potential.architecture.cutoff_ang, np.float64, elements=potential.elements)
    batch = make_batch(dataset, table, np.arange(len(frames)), potential.dtype)
    result: Evaluation = potential(batch, with_forces=with_forces)
    return result


def evaluate_detached(potential: Potential, frames: list[Atoms], *, with_forces: bool = True) -> Evaluation:
    """The same without gradients by the weights.

    Args:
        potential: The potential.
        frames: The systems.
        with_forces: Whether forces are wanted.
    """
    result = evaluate_frames(potential.eval(), frames, with_forces=with_forces)
    return Evaluation(*(value.detach() for value in result))


class PotentialContract:
    """What every potential must do. Subclasses define the fixtures `potential` (float64) and `atoms`.

    Attributes:
        rotation_rtol: Relative change of the energy that a rotation may make.
    """

    rotation_rtol = 1e-10

    @pytest.fixture
    def potential(self) -> Potential:
        """The potential, float64."""
        raise NotImplementedError("define the fixture `potential`")

    @pytest.fixture
    def atoms(self) -> Atoms:
        """A system without symmetry, of the potential's elements."""
        raise NotImplementedError("define the fixture `atoms`")

    def test_forces_are_minus_the_slope_of_the_energy(self, potential: Potential, atoms: Atoms) -> None:
        """Central differences of the energy."""
        forces = evaluate_detached(potential, [atoms]).forces
        step = 1e-4
        for atom, axis in [(0, 0), (1, 1), (len(atoms) - 1, 2)]:
            moved = []
            for sign in (1, -1):
                moved.append(atoms.copy())
                moved[-1].positions[atom, axis] += sign * step
            up, down = evaluate_detached(potential, moved, with_forces=False).energy.tolist()
            assert -(up - down) / (2 * step) == pytest.approx(float(forces[atom, axis]), rel=1e-6, abs=1e-8)

    def test_forces_sum_to_zero(self, potential: Potential, atoms: Atoms) -> None:
        """Newton's third law."""
        forces = evaluate_detached(potential, [atoms]).forces
        assert float(forces.sum(0).abs().max()) < 1e-10 * len(atoms)

    def test_atomic_energies_sum_to_the_energy(self, potential: Potential, atoms: Atoms) -> None:
        """The decomposition from which students learn."""
        result = evaluate_detached(potential, [atoms])
        assert float(result.atomic_energy.sum()) == pytest.approx(float(result.energy[0]), rel=1e-12)

    def test_rotation_turns_the_forces_and_keeps_the_energy(self, potential: Potential, atoms: Atoms) -> None:
        """Rotated, shifted and wrapped differently, it is the same system."""
        turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
        turned = atoms.copy()
        turned.set_cell(atoms.cell.array @ turn)
        turned.positions = atoms.positions @ turn + [0.3, -1.0, 0.2]
        before, after = evaluate_detached(potential, [atoms]), evaluate_detached(potential, [turned])
        torch.testing.assert_close(after.energy, before.energy, rtol=self.rotation_rtol, atol=1e-10)
        rtol = 100 * self.rotation_rtol
        torch.testing.assert_close(after.forces, before.forces @ torch.from_numpy(turn), rtol=rtol, atol=rtol / 100)

    def test_order_of_atoms_does_not_matter(self, potential: Potential, atoms: Atoms) -> None:
        """Permutation invariance."""
        order = np.random.default_rng(1).permutation(len(atoms))
        before, after = evaluate_detached(potential, [atoms]), evaluate_detached(potential, [atoms[order]])
        torch.testing.assert_close(after.forces, before.forces[order], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(after.atomic_energy, before.atomic_energy[order], rtol=1e-9, atol=1e-11)

    def test_batch_equals_separate_calls(self, potential: Potential, atoms: Atoms) -> None:
        """Frames of one batch do not interact."""
        other = atoms.copy()
        other.rattle(0.05, seed=3)
        pair = [atoms, other[: len(other) - 1]]
        together = evaluate_detached(potential, pair)
        alone = [evaluate_detached(potential, [frame]) for frame in pair]
        for name in Evaluation._fields:
            joined = torch.cat([getattr(result, name) for result in alone])
            torch.testing.assert_close(getattr(together, name), joined, rtol=1e-11, atol=1e-12)

    def test_calculator_agrees(self, potential: Potential, atoms: Atoms) -> None:
        """The ASE calculator gives the same, reference energies added."""
        atoms.calc = potential.calculator()
        result = evaluate_detached(potential, [atoms])
        reference = potential.references.of_atoms(atoms.numbers).sum()
        assert atoms.get_potential_energy() == pytest.approx(float(result.energy[0]) + reference, rel=1e-10)
        np.testing.assert_allclose(atoms.get_forces(), result.forces.numpy(), rtol=1e-7, atol=1e-9)


class TeacherContract:
    """What an external teacher must do. Subclasses define the fixtures `calculator` and `atoms`.

    Tolerances suit a calculator in float32. One whose atomic energies leave out a constant per element, which labelling
    adds, passes too.
    """

    #: Displacement of the central differences, Å: in float32 smaller ones drown in rounding.
    step_ang = 0.01
    #: Tolerance of energies, eV per atom, and of forces, eV/Å.
    energy_tol_ev_per_atom, force_tol_ev_per_ang = 1e-5, 5e-3

    @pytest.fixture
    def calculator(self) -> Teacher:
        """The teacher's ASE calculator."""
        raise NotImplementedError("define the fixture `calculator`")

    @pytest.fixture
    def atoms(self) -> Atoms:
        """A periodic system without symmetry, of the teacher's elements."""
        raise NotImplementedError("define the fixture `atoms`")

    def _same(
        self, one: TeacherEvaluation, other: TeacherEvaluation, order: NDArray[np.int64] | slice = slice(None)
    ) -> None:
        """Two answers are equal, the atoms of the first taken in this order."""
        n_atoms = len(one.forces_ev_per_ang)
        assert abs(one.energy_ev - other.energy_ev) < n_atoms * self.energy_tol_ev_per_atom
        tol = self.force_tol_ev_per_ang
        np.testing.assert_allclose(one.forces_ev_per_ang[order], other.forces_ev_per_ang, rtol=0, atol=tol)
        assert one.atomic_energy_ev is not None
        assert other.atomic_energy_ev is not None
        np.testing.assert_allclose(one.atomic_energy_ev[order], other.atomic_energy_ev, rtol=0, atol=tol)

    def test_everything_is_there_and_finite(self, calculator: Teacher, atoms: Atoms) -> None:
        """Energy, forces and atomic energies, of the right shapes."""
        answer = evaluate_teacher(calculator, atoms)  # raises otherwise
        assert answer.atomic_energy_ev is not None, "no atomic energies: such a teacher can only teach forces"
        assert np.abs(answer.forces_ev_per_ang).max() > 0

    def test_teacher_energies_sum_to_the_energy(self, calculator: Teacher, atoms: Atoms) -> None:
        """Up to a constant per element: what is lacking does not change when the atoms move."""
        moved = atoms.copy()
        moved.rattle(0.02, seed=5)
        lacking = []
        for frame in (atoms, moved):
            answer = evaluate_teacher(calculator, frame)
            assert answer.atomic_energy_ev is not None
            lacking.append(answer.energy_ev - answer.atomic_energy_ev.sum())
        assert abs(lacking[0] - lacking[1]) < len(atoms) * self.energy_tol_ev_per_atom

    def test_teacher_forces_are_minus_the_slope_of_the_energy(self, calculator: Teacher, atoms: Atoms) -> None:
        """Central differences of the energy along a direction that moves every atom; also catches a flipped sign."""
        direction = np.random.default_rng(0).normal(size=(len(atoms), 3))
        direction /= np.abs(direction).max()
        slopes = []
        for step in (self.step_ang, self.step_ang / 2):
            energies = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions += sign * step * direction
                energies.append(evaluate_teacher(calculator, moved).energy_ev)
            slopes.append((energies[0] - energies[1]) / (2 * step))
        slope = (4 * slopes[1] - slopes[0]) / 3  # Richardson: the error is of fourth order
        forces = evaluate_teacher(calculator, atoms).forces_ev_per_ang
        noise = 4 * len(atoms) * self.energy_tol_ev_per_atom
        assert -slope == pytest.approx(float((forces * direction).sum()), rel=5e-3, abs=noise)

    def test_teacher_forces_sum_to_zero(self, calculator: Teacher, atoms: Atoms) -> None:
        """Newton's third law."""
        total = evaluate_teacher(calculator, atoms).forces_ev_per_ang.sum(0)
        assert np.abs(total).max() < self.force_tol_ev_per_ang

    def test_teacher_order_of_atoms_does_not_matter(self, calculator: Teacher, atoms: Atoms) -> None:
        """Permutation invariance."""
        order = np.random.default_rng(1).permutation(len(atoms))
        self._same(evaluate_teacher(calculator, atoms), evaluate_teacher(calculator, atoms[order]), order)

    def test_teacher_place_does_not_matter(self, calculator: Teacher, atoms: Atoms) -> None:
        """Translation, and atoms wrapped through the cell's faces."""
        shifted = atoms.copy()
        shifted.positions += [0.37, -1.1, 2.3]
        shifted.wrap()
        self._same(evaluate_teacher(calculator, atoms), evaluate_teacher(calculator, shifted))

    def test_teacher_supercell_has_twice_the_energy(self, calculator: Teacher, atoms: Atoms) -> None:
        """Two copies side by side: each atom as before."""
        one, two = evaluate_teacher(calculator, atoms), evaluate_teacher(calculator, atoms.repeat((1, 1, 2)))
        assert one.atomic_energy_ev is not None
        doubled = TeacherEvaluation(2 * one.energy_ev, np.tile(one.forces_ev_per_ang, (2, 1)),
                                    np.tile(one.atomic_energy_ev, 2))  # fmt: skip
        self._same(doubled, two)
