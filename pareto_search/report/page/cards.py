"""The row of key numbers below the answer."""

from collections.abc import Iterator

import numpy as np

from pareto_search.analysis.caps import PaperClaim
from pareto_search.analysis.comparison import ControlComparison
from pareto_search.analysis.front import volume_unit
from pareto_search.analysis.study_summary import StudySummary, TeacherSummary
from pareto_search.report.numbers import count, number, signed, times, whole
from pareto_search.report.page.elements import Card
from pareto_search.report.words import front_students, is_external, md_went_wrong


def study_cards(summary: StudySummary) -> list[Card]:
    """Five cards: paired error, dominance, hypervolume, the student to take, the teacher."""
    return [
        _error_card(summary.headline),
        _dominance_card(summary.headline),
        _volume_card(summary.headline, volume_unit(summary.objectives)),
        next(_external_student_card(summary), _student_card(summary.best_under.paper)),
        _teacher_card(summary.teacher),
    ]


def _error_card(comparison: ControlComparison | None) -> Card:
    label = "Force RMSE, student against control"
    if comparison is None or comparison.paired_force_rmse.mean_percent is None:
        return Card("error", label, "–", "no pairs")
    paired = comparison.paired_force_rmse
    detail = count(paired.n, "pair")
    if paired.ci95_percent is not None:
        low, high = paired.ci95_percent
        detail = f"95 % interval {signed(low, 1)} to {signed(high, 1)} %, {detail}, {comparison.control_kind} controls"
    tone = "good" if paired.is_better else "bad" if paired.is_worse else "plain"
    return Card("error", label, f"{signed(paired.mean_percent or 0.0, 1)} %", detail, tone)


def _dominance_card(comparison: ControlComparison | None) -> Card:
    label = "Controls dominated by students"
    if comparison is None or comparison.dominance.n_controls == 0:
        return Card("dominance", label, "–", "no controls with errors and costs")
    found = comparison.dominance
    lead = found.n_controls_dominated - found.n_students_dominated
    tone = "good" if lead > 0 else "bad" if lead < 0 else "plain"
    detail = f"and {found.n_students_dominated} of {count(found.n_students, 'student')} by controls"
    return Card("dominance", label, f"{found.n_controls_dominated} of {found.n_controls}", detail, tone)


def _volume_card(comparison: ControlComparison | None, unit: str) -> Card:
    label = "Hypervolume, student − control"
    if comparison is None or comparison.hypervolume.difference is None:
        return Card("volume", label, "–", "needs errors and costs")
    volume = comparison.hypervolume
    if volume.ci95 is None:
        return Card(
            "volume", label, signed(volume.difference or 0.0, 3), f"{unit}; no interval: {volume.no_ci95_reason}"
        )
    low, high = volume.ci95
    tone = "good" if low > 0 else "bad" if high < 0 else "plain"
    detail = f"{unit}; 95 % interval {signed(low, 3)} to {signed(high, 3)}"
    return Card("volume", label, signed(volume.difference or 0.0, 3), detail, tone)


def _student_card(claim: PaperClaim) -> Card:
    network = claim.network
    if network is None:
        return Card("student", "Student to take", "–", "needs a student and a teacher")
    speed = f"{network.speedup:.1f}× faster" if np.isfinite(network.speedup) else network.label
    memory = f"{100 * network.memory_fraction:.0f} % of the memory" if np.isfinite(network.memory_fraction) else ""
    error = f"{signed(network.force_rmse_vs_teacher_percent, 0)} % force error"
    detail = ", ".join(part for part in (memory, error) if part) + " against the teacher" + md_went_wrong(network)
    label = f"Student to take: {network.label}" if claim.is_met_by_one else f"Nearest: {network.label}"
    is_good = claim.is_met_by_one and not network.n_md_went_wrong
    return Card("student", label, speed, detail, "good" if is_good else "plain")


def _external_student_card(summary: StudySummary) -> Iterator[Card]:
    """The most accurate student, where the teacher is external, so that its memory is unknown."""
    students = front_students(summary) if is_external(summary) else []
    if students:
        best = students[0]
        speed = f"{times(best.speedup)} as fast" if np.isfinite(best.speedup) else best.label
        detail = f"as the teacher, force RMSE {number(1e3 * best.force_rmse_ev_per_ang, 3)} meV/Å{md_went_wrong(best)}"
        yield Card("student", f"Most accurate student: {best.label}", speed, detail, "good")


def _teacher_card(teacher: TeacherSummary | None) -> Card:
    if teacher is None:
        return Card("teacher", "Teacher", "–", "no teacher is stored")
    detail = f"{number(teacher.md_us_per_atom_step, 3)} µs/atom/step"
    if not teacher.is_external:
        detail += f", {whole(teacher.max_atoms)} atoms fit"
    tone = "bad" if teacher.is_clearly_better_than_controls is False else "plain"
    value = f"{number(1e3 * teacher.force_rmse_ev_per_ang, 3)} meV/Å"
    if teacher.made_the_data:
        value, detail = "made the data", f"MD step {detail}"
    return Card("teacher", f"Teacher: {teacher.label}", value, detail, tone)
