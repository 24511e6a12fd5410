from dataclasses import replace

import numpy as np
import pytest

from pareto_search.data.labels import Labels, joined

RNG = np.random.default_rng(0)
N_ATOMS = 200


def _labels(name, spread_ev):
    """What one teacher says of atoms on which such teachers spread so much."""
    energies, forces = spread_ev * RNG.normal(size=N_ATOMS), RNG.normal(size=(N_ATOMS, 3))
    return Labels(energies, forces, np.ones(N_ATOMS), name, "data")


SPREAD_EV = np.repeat([0.01, 0.2], N_ATOMS // 2)
MEMBERS = [_labels(str(number), SPREAD_EV) for number in range(4)]


def test_several_teachers_say_their_mean():
    labels = joined(MEMBERS)
    np.testing.assert_allclose(labels.atomic_energy_ev, sum(m.atomic_energy_ev for m in MEMBERS) / 4)
    np.testing.assert_allclose(labels.forces_ev_per_ang, sum(m.forces_ev_per_ang for m in MEMBERS) / 4)
    assert (labels.weight == 1).all()


def test_atoms_on_which_teachers_differ_count_less():
    weight = joined(MEMBERS, "spread").weight
    assert weight.mean() == pytest.approx(1.0)
    sigma = np.std([m.atomic_energy_ev for m in MEMBERS], axis=0, ddof=1)
    order = np.argsort(sigma)
    assert (np.diff(weight[order]) <= 0).all()
    assert weight[: N_ATOMS // 2].mean() > 5 * weight[N_ATOMS // 2 :].mean()


def test_a_chance_agreement_counts_at_most_twice_a_median_one():
    members = [_labels(str(number), 0.1) for number in range(4)]
    agreed = [replace(m, atomic_energy_ev=np.where(np.arange(N_ATOMS) == 7, 1.0, m.atomic_energy_ev)) for m in members]
    weight = joined(agreed, "spread").weight
    assert weight[7] == weight.max() == pytest.approx(2 * np.median(weight), rel=0.05)


def test_teachers_that_agree_on_every_atom_count_alike_everywhere():
    assert (joined([MEMBERS[0], MEMBERS[0]], "spread").weight == 1).all()


def test_labels_are_identified_by_their_teachers():
    one, two = joined(MEMBERS[:1]), joined(MEMBERS[:2])
    assert one.teacher_hash == MEMBERS[0].teacher_hash
    assert joined(MEMBERS[:2], "spread").teacher_hash != two.teacher_hash  # what a cache is looked up by
    assert len({one.sha256, two.sha256, joined(MEMBERS[1::-1]).sha256, joined(MEMBERS[:2], "spread").sha256}) == 4
