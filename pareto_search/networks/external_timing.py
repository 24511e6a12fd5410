"""MD step time of an external teacher, by the protocol of the networks on a system that fits into memory."""

from ase import Atoms

from pareto_search.config import ExternalTeacher, MeasureSettings
from pareto_search.data.structure import supercell
from pareto_search.measure.md import time_md
from pareto_search.networks.external_calculator import Teacher, TeacherCalculator
from pareto_search.potential.process import prepare_torch
from pareto_search.records import MdTiming

_SEED = 0
_N_WARMUP_STEPS = 2


def time_teacher(
    teacher: Teacher, settings: ExternalTeacher, measure: MeasureSettings, unit: Atoms, *, n_threads: int
) -> MdTiming:
    """Time of an MD step of a teacher: the networks' time step, temperature and threads, fewer atoms and steps.

    Args:
        teacher: Its calculator.
        settings: How many atoms and steps.
        measure: How networks are measured.
        unit: The cell whose supercells are timed.
        n_threads: Threads of PyTorch.

    Raises:
        MeasurementError: If the dynamics becomes non-finite.
    """
    prepare_torch(n_threads)
    sizes = {
        "n_atoms": min(settings.n_atoms_timed, measure.n_atoms),
        "n_steps": min(settings.n_steps_timed, measure.n_steps),
        "n_warmup_steps": min(_N_WARMUP_STEPS, measure.n_warmup_steps),
    }
    smaller = measure.model_copy(update=sizes)
    return time_md(supercell(unit, smaller.n_atoms), TeacherCalculator(teacher), smaller, seed=_SEED)
