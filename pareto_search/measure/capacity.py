"""Capacity: the largest system whose MD step fits the device."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pareto_search.config import MeasureSettings
from pareto_search.data.structure import supercell_size
from pareto_search.errors import ConfigError, MeasurementError
from pareto_search.measure.device import device_memory_gib
from pareto_search.measure.memory import GIB
from pareto_search.measure.probe import ProbeSpec, StepMemory
from pareto_search.measure.prober import Prober
from pareto_search.potential.build import engine_traits
from pareto_search.potential.process import check_device
from pareto_search.records import Bracket, Capacity

#: The first system is expected to fill this part of the budget, but no more than these bytes: it should be quick.
_FIRST_SHARE, _FIRST_BYTES = 0.4, 150e6
#: Where the first system does not fit, it is made smaller by this factor.
_RETREAT = 4
#: Times that the size is scaled up by the memory seen, before the search starts.
_MAX_SCALINGS = 3
#: Scaling ends when the next size would be less than this factor larger.
_WORTH_SCALING = 1.05


def largest_fitting(
    fits: Callable[[int], bool], *, start: int, limit: int, rel_tol: float = 0.02, first_growth: float = 2.0
) -> Bracket:
    """Bracket the largest n <= limit with fits(n) true; fits must be monotone.

    Steps away from start, upwards while n fits and downwards while it does not, by a factor that is squared at each
    step until it is 2; then bisects. A small first factor needs few trials where start is nearly right.

    Args:
        fits: Whether n fits.
        start: Where to begin.
        limit: Largest n of interest.
        rel_tol: Bisection ends when the bracket is narrower than this part of its lower end.
        first_growth: Factor of the first step, above 1.

    Returns:
        The bracket; n_ok is 0 if not even 1 fits, n_failed is None if the limit fits.

    Raises:
        ConfigError: If start, limit, tolerance or factor is out of range.
    """
    if not 1 <= start <= limit:
        raise ConfigError(f"need 1 <= start <= limit, got {start=}, {limit=}")
    if not (rel_tol > 0 and first_growth > 1):
        raise ConfigError(f"need rel_tol > 0 and first_growth > 1, got {rel_tol=}, {first_growth=}")
    good, bad = _gallop(fits, start, limit, first_growth)
    if bad is None:
        return Bracket(n_ok=good, n_failed=None)
    while bad - good > max(1, rel_tol * good):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return Bracket(n_ok=good, n_failed=bad)


def _gallop(fits: Callable[[int], bool], start: int, limit: int, factor: float) -> tuple[int, int | None]:
    """A size that fits (0: none) and one that does not (None: the limit fits), by growing steps from start."""
    n, good, bad = start, 0, limit + 1
    upwards = fits(start)
    while True:
        if upwards:
            good = n
            if n == limit:
                return good, None
            n = min(max(n + 1, int(n * factor)), limit)
        else:
            bad = n
            if n == 1:
                return 0, bad
            n = max(min(n - 1, int(n / factor)), 1)
        factor = min(factor * factor, 2.0)
        if fits(n) != upwards:
            return (good, n) if upwards else (n, bad)


@dataclass
class _Trials:
    """Sizes tried so far: each supercell is run once, however often it is requested."""

    spec: ProbeSpec
    prober: Prober
    budget_bytes: int | None
    by_n_atoms: dict[int, StepMemory | None] = field(default_factory=dict)

    def memory(self, n_wanted: int) -> tuple[int, StepMemory | None]:
        """Atoms and memory of the supercell nearest to n_wanted; memory is None where it does not fit."""
        n_atoms = supercell_size(self.spec.unit, n_wanted)
        if n_atoms not in self.by_n_atoms:
            memory = self.prober.memory_of_step(self.spec, n_atoms, budget_bytes=self.budget_bytes)
            over = memory is not None and self.budget_bytes is not None and memory.used_bytes > self.budget_bytes
            self.by_n_atoms[n_atoms] = None if over else memory
        return n_atoms, self.by_n_atoms[n_atoms]

    def fits(self, n_wanted: int) -> bool:
        """Whether the supercell nearest to n_wanted fits; runs nothing where that of another size decides it."""
        n_atoms = supercell_size(self.spec.unit, n_wanted)
        if n_atoms <= max(self.fitting, default=0):
            return True
        if self.n_failed is not None and n_atoms >= self.n_failed:
            return False
        return self.memory(n_atoms)[1] is not None

    @property
    def fitting(self) -> dict[int, StepMemory]:
        """Memory of the sizes that fit, by rising number of atoms."""
        return {n: memory for n, memory in sorted(self.by_n_atoms.items()) if memory is not None}

    @property
    def n_failed(self) -> int | None:
        """The smallest size that does not fit and is larger than all that do."""
        n_ok = max(self.fitting, default=0)
        return min((n for n, memory in self.by_n_atoms.items() if memory is None and n > n_ok), default=None)


def measure_capacity(
    spec: ProbeSpec, settings: MeasureSettings, *, prober: Prober | None = None, max_atoms_guess: int | None = None
) -> Capacity:
    """The largest system whose MD step fits, each trial in a fresh process.

    On a CPU a step fits if the system adds no more than `settings.memory_budget_gib` to the peak of resident memory;
    on a GPU unless it runs out of memory. The bracket holds sizes of real supercells: it is wider than
    `settings.rel_tol` where the unit cell is so large that none lies between.

    Args:
        spec: Network, material and device.
        settings: Budget, tolerance and limit.
        prober: An open prober to use; by default one is opened for this call.
        max_atoms_guess: Capacity of a similar network, where the search starts. A good guess saves probes, a bad one
            costs some. The bracket is found all the same, often that of the similar network where both are alike.

    Raises:
        ConfigError: If the device does not exist.
        MeasurementError: If a probe fails for another reason than memory, or not even one unit cell fits.
    """
    check_device(spec.device)
    if prober is None:
        with Prober() as own:
            return measure_capacity(spec, settings, prober=own, max_atoms_guess=max_atoms_guess)
    budget_gib = settings.memory_budget_gib if spec.device == "cpu" else device_memory_gib(spec.device)
    trials = _Trials(spec, prober, int(budget_gib * GIB) if spec.device == "cpu" else None)
    n_limit = settings.max_atoms_limit
    largest_fitting(
        trials.fits,
        start=_clip(max_atoms_guess or _start(trials, budget_gib * GIB, n_limit), n_limit),
        limit=n_limit,
        rel_tol=settings.rel_tol,
        first_growth=1 + 0.9 * settings.rel_tol,  # one step beyond the right size ends the search
    )
    if not trials.fitting:
        raise MeasurementError(
            f"capacity needs at least one unit cell to fit, but {len(spec.unit)} atoms do not fit {budget_gib:g} GiB "
            f"on {spec.device}; raise measure.memory_budget_gib or use a smaller measure.structure"
        )
    return _capacity(trials, budget_gib)


def _start(trials: _Trials, budget_bytes: float, n_limit: int) -> int:
    """Size near the largest that fits: a guess, scaled to the budget by the memory seen until that changes little.

    Memory that does not grow with the system makes the estimate too low, so scaling closes in from below.
    """
    spec = trials.spec
    radius_ang = spec.architecture.cutoff_ang + spec.skin_ang
    n_pairs_per_atom = 4 / 3 * np.pi * radius_ang**3 * len(spec.unit) / spec.unit.get_volume()
    first_bytes = min(_FIRST_SHARE * budget_bytes, _FIRST_BYTES)
    n_wanted = first_bytes / (n_pairs_per_atom * engine_traits(spec.architecture, spec.engine).bytes_per_pair)
    n_atoms, memory = trials.memory(_clip(n_wanted, n_limit))
    while memory is None and n_atoms > len(spec.unit):
        n_atoms, memory = trials.memory(_clip(n_atoms / _RETREAT, n_limit))
    for _ in range(_MAX_SCALINGS):
        if memory is None:
            return n_atoms
        n_wanted = n_atoms * budget_bytes / memory.used_bytes
        if n_wanted < _WORTH_SCALING * n_atoms or n_atoms >= n_limit:
            break
        n_atoms, memory = trials.memory(_clip(n_wanted, n_limit))
    return int(n_wanted)


def _clip(n_atoms: float, n_limit: int) -> int:
    return min(max(int(n_atoms), 1), n_limit)


def _capacity(trials: _Trials, budget_gib: float) -> Capacity:
    fitting = trials.fitting
    n_ok = max(fitting)
    return Capacity(
        bracket=Bracket(n_ok=n_ok, n_failed=trials.n_failed),
        bytes_per_atom=fitting[n_ok].used_bytes / n_ok,
        budget_gib=budget_gib,
        baseline_gib=fitting[n_ok].baseline_bytes / GIB,
        probes=tuple((n, None if memory is None else memory.used_bytes) for n, memory in trials.by_n_atoms.items()),
    )
