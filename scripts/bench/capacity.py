"""The most atoms whose MD step fits a memory budget: this package against hippynn's own ASE calculator."""

from ase.build import bulk
from measuring import architecture, arguments, prepared, row

from pareto_search.config import MeasureSettings
from pareto_search.data.references import ReferenceEnergies
from pareto_search.measure.capacity import measure_capacity
from pareto_search.measure.probe import ProbeSpec
from pareto_search.measure.prober import Prober
from pareto_search.potential.hipnn import HipnnPotential

#: The bracket is narrower than this part of the capacity.
REL_TOL = 0.05


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--gib", type=float, default=2.0)
    options = prepared(parser)
    unit = bulk("Al", a=4.05, cubic=True)
    settings = MeasureSettings(
        structure={"symbol": "Al"}, memory_budget_gib=options.gib, rel_tol=REL_TOL, max_atoms_limit=10**8
    )

    # What the probes run compiled should be on disk before the first of them.
    small = unit.repeat(2)
    potential = HipnnPotential(architecture(options.size), ReferenceEnergies({13: 0.0}), seed=0)
    potential.calculator(is_compiled=True).calculate(small)  # type: ignore[no-untyped-call]  # of ASE

    def capacity(engine: str) -> tuple[int, float]:
        spec = ProbeSpec(
            architecture(options.size), (13,), engine, unit, n_threads=options.threads, skin_ang=0.5, is_compiled=True
        )
        with Prober() as prober:
            found = measure_capacity(spec, settings, prober=prober)
        print(engine, found.bracket, f"{found.bytes_per_atom:.0f} bytes/atom", flush=True)
        return found.max_atoms, found.bytes_per_atom

    (ours, our_bytes), (peer, peer_bytes) = capacity("explicit"), capacity("hippynn")
    note = f"{our_bytes:.0f} and {peer_bytes:.0f} bytes/atom; brackets within {REL_TOL:.0%}; one search each"
    name = f"capacity_{options.gib:g}gib_{options.size}"
    row(name, [ours], [peer], "atoms", more_is_better=True, note=note).save(options.json)


if __name__ == "__main__":
    main()
