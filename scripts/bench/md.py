"""An MD step in ASE (NVE, neighbour list included): this package compiled, against hippynn's own ASE calculator."""

import time

from ase import Atoms
from ase.build import bulk
from ase.md.verlet import VelocityVerlet
from limits import limit_s
from measuring import architecture, arguments, paired, prepared, row
from peer import fastest

from pareto_search.data.references import ReferenceEnergies
from pareto_search.measure.md import start_nve
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.interface import TimedCalculator

#: Repeats of the cubic cell of four atoms along each direction.
REPEATS = {2048: (8, 8, 8), 16384: (16, 16, 16)}
SKIN_ANG, TEMPERATURE_K = 0.5, 300.0


def dynamics(atoms: Atoms, size: str, engine: str) -> tuple[VelocityVerlet, TimedCalculator]:
    """A simulation and its calculator; the forces of a fresh network are tiny, so the atoms fly freely."""
    potential = HipnnPotential(architecture(size), ReferenceEnergies({13: -3.0}), seed=0, engine=engine)
    calculator = potential.calculator(skin_ang=SKIN_ANG, is_compiled=True)
    return start_nve(atoms, calculator, timestep_fs=1.0, temperature_k=TEMPERATURE_K, seed=0), calculator


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("n_atoms", type=int, choices=REPEATS)
    parser.add_argument("--steps", type=int, default=10, help="MD steps in a repeat")
    options = prepared(parser)
    atoms = bulk("Al", a=4.05, cubic=True).repeat(REPEATS[options.n_atoms])
    ours, our_calculator = dynamics(atoms, options.size, "explicit")

    def peer_seconds() -> float:
        run, _ = dynamics(atoms, options.size, "hippynn")
        run.run(2)
        started = time.process_time()
        run.run(2)
        return time.process_time() - started

    kernels = fastest(peer_seconds)
    peer, peer_calculator = dynamics(atoms, options.size, "hippynn")
    builds = our_calculator.n_list_builds, peer_calculator.n_list_builds
    a, b = paired(lambda: ours.run(options.steps), lambda: peer.run(options.steps), repeats=options.repeats, min_s=0.0)
    us_per_atom = 1e6 / options.steps / len(atoms)
    note = (
        f"kernels {kernels}, {our_calculator.n_neighbors_mean:.0f} listed neighbours, skin {SKIN_ANG} Å, lists built "
        f"{our_calculator.n_list_builds - builds[0]} and {peer_calculator.n_list_builds - builds[1]}"
    )
    n_pairs = round(our_calculator.n_neighbors_mean * len(atoms))
    seconds, how = limit_s(architecture(options.size), "md", n_atoms=len(atoms), n_pairs=n_pairs)
    ours_us, peer_us = ([us_per_atom * value for value in values] for values in (a, b))
    limit = (1e6 * seconds / len(atoms), how)
    found = row(f"md_{options.n_atoms}_{options.size}", ours_us, peer_us, "µs/atom", note=note, limit=limit)
    found.save(options.json)


if __name__ == "__main__":
    main()
