"""Words on students of an external teacher: how much faster they are, and how near to it."""

from collections.abc import Iterator

import numpy as np

from pareto_search.analysis.described import ComparedNetwork
from pareto_search.analysis.study_summary import StudySummary
from pareto_search.report.numbers import number
from pareto_search.report.tables import ReportInput


def is_external(summary: StudySummary) -> bool:
    """Whether the study's teacher is not a network of this package."""
    return summary.teacher is not None and summary.teacher.is_external


def front_students(summary: StudySummary) -> list[ComparedNetwork]:
    """Students that no other student dominates, the most accurate first; none where there is no teacher."""
    return [network for network in summary.best_under.students if isinstance(network, ComparedNetwork)]


def times(ratio: float) -> str:
    """Such as "1.8×" or "240×": two digits below ten, whole numbers above."""
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:,.0f}×".replace(",", "\u202f")


def external_headline(summary: StudySummary) -> Iterator[str]:
    """The speed and error of the most accurate student against such a teacher; nothing for a HIPNN teacher."""
    students = front_students(summary)
    if summary.teacher is None or not is_external(summary) or not students:
        return
    best, name = students[0], summary.teacher.label
    off = f"{1000 * best.force_rmse_ev_per_ang:.1f} meV/Å"
    speed = f"{times(best.speedup)} as fast as {name}" if np.isfinite(best.speedup) else "of unknown speed"
    if summary.teacher.made_the_data:
        yield f"The most accurate student, {best.label}, is {speed} and within {off} (RMSE) of its forces."
    else:
        yield f"The most accurate student, {best.label}, is {speed}, with a force RMSE of {off} on the data."


def external_sentences(summary: StudySummary, data: ReportInput) -> Iterator[str]:
    """The front against the teacher, and the teacher against the data."""
    teacher = summary.teacher
    if teacher is None:
        return
    students = [network for network in front_students(summary) if np.isfinite(network.speedup)]
    split = "test" if summary.basis.split == "test" else "validation"
    if students:
        fastest = max(students, key=lambda network: network.speedup)
        low, high = (pick(network.speedup for network in students) for pick in (min, max))
        span = times(high) if len(students) == 1 else f"{times(low)} to {times(high)}"
        energy = f"{1000 * students[0].energy_rmse_ev_per_atom:.1f} meV/atom"
        yield (
            f"Students on the front run MD {span} as fast as {teacher.label} "
            f"({number(teacher.md_us_per_atom_step)} µs/atom/step); the fastest, {fastest.label}, takes "
            f"{number(fastest.md_us_per_atom_step)} µs at a force RMSE of "
            f"{1000 * fastest.force_rmse_ev_per_ang:.1f} meV/Å. The most accurate errs by {energy} in energy "
            f"({split} split{_typical_force(data)})."
        )
    if not teacher.made_the_data:
        yield (
            f"{teacher.label} itself has a force RMSE of {1000 * teacher.force_rmse_ev_per_ang:.1f} meV/Å "
            f"against the data ({split} split)."
        )


def _typical_force(data: ReportInput) -> str:
    """What errors of forces are to be compared with."""
    rms = None if data.dataset is None else data.dataset.force_rms_ev_per_ang
    return "" if rms is None else f"; force components are {number(1000 * rms)} meV/Å in the root mean square"
