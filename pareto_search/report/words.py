"""The answer of a study in plain words: what was found, and what cannot be concluded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pareto_search.analysis.caps import CriteriaMet, PaperClaim
from pareto_search.analysis.comparison import ControlComparison
from pareto_search.analysis.described import ComparedNetwork, DescribedNetwork
from pareto_search.analysis.front import volume_unit
from pareto_search.analysis.paired import PairedDifference
from pareto_search.analysis.study_summary import StudySummary, TeacherSummary
from pareto_search.config import TAUGHT_CONTROLS
from pareto_search.objectives import Objective
from pareto_search.report.cautions import cautions
from pareto_search.report.numbers import count, number, p_text, signed, split_name, times, together
from pareto_search.report.tables import ReportedStudy, ReportInput

Verdict = Literal["better", "worse", "unsure", "nothing"]

#: How a kind of control is called in a sentence.
_CONTROL_NAMES = {
    "paper": "paper controls (loss weights of the paper, no teacher term)",
    "ablation": "ablation controls (the student's own loss weights, no teacher term)",
    "tuned": "tuned controls (their own loss weights searched with the same budget)",
    "static": "static controls (the same teacher, loss weights without the schedule)",
    "one_teacher": "controls with one teacher (the first of the students' teachers alone)",
    "scratch": "controls that start from scratch (the same labels, no weights taken over)",
}


@dataclass(frozen=True)
class Answer:
    """The first section of the report, as plain text.

    Attributes:
        verdict: Are students better than the headline's controls?
        cautions: What limits them, each a short paragraph.
    """

    verdict: Verdict
    headline: str
    sentences: tuple[str, ...]
    cautions: tuple[str, ...]


def answer(study: ReportedStudy) -> Answer:
    """The answer of a study in words."""
    summary = study.summary
    verdict = _verdict(summary)
    return Answer(
        verdict=verdict,
        headline=next(_external_headline(summary), _headline(verdict, summary)),
        sentences=tuple(_findings(verdict, summary, study.data)),
        cautions=tuple(cautions(study)),
    )


def _verdict(summary: StudySummary) -> Verdict:
    headline = summary.headline
    if headline is None or headline.paired_force_rmse.n == 0:
        return "nothing"
    paired = headline.paired_force_rmse
    return "better" if paired.is_better else "worse" if paired.is_worse else "unsure"


def _headline(verdict: Verdict, summary: StudySummary) -> str:
    ablation = summary.of_kind("ablation")
    against = ablation.paired_force_rmse if ablation is not None and ablation.paired_force_rmse.n else None
    if verdict == "better":
        if against is not None and not against.is_better:
            how = "less accurate than" if against.is_worse else "not surely more accurate than"
            others = f"but {how} controls with the students' loss weights"
            return f"Students are more accurate than the paper's controls, {others}."
        return f"Students are more accurate than {_controls(summary)} at the same cost."
    if verdict == "worse":
        return f"Students are less accurate than {_controls(summary)}."
    if verdict == "nothing":
        if summary.n_architectures == 0:
            return "No student was trained to its end, so there is nothing to compare yet."
        if summary.headline is None:
            return "No control was trained to its end, so students cannot be compared."
        return "No student has a control of the same architecture and seed, so nothing can be paired."
    if against is not None and (against.is_worse or against.is_better):
        how, but = ("less", "and") if against.is_worse else ("more", "but")
        others = f"{but} not surely different from the paper's controls"
        return f"Students are {how} accurate than controls with the students' loss weights, {others}."
    paired = summary.headline.paired_force_rmse if summary.headline else None
    if paired is not None and not paired.is_conclusive:
        return f"Too few pairs to decide: {count(paired.n_distinct, 'pair')} of student and control."
    return f"No sure difference between students and {_controls(summary)}."


def _controls(summary: StudySummary) -> str:
    """The headline's controls, with what must be said of those that are not the paper's."""
    kind = summary.headline.control_kind if summary.headline else ""
    if kind in TAUGHT_CONTROLS:
        return "their matched controls, which have a teacher too,"
    weights = {"ablation": " with the students' loss weights", "tuned": " with loss weights searched as hard"}
    return f"their matched controls{weights.get(kind, '')}"


def _findings(verdict: Verdict, summary: StudySummary, data: ReportInput) -> Iterator[str]:
    headline = summary.headline
    if summary.teacher is not None and is_external(summary):
        yield from _external_sentences(summary.teacher, summary, data)
        yield _headline(verdict, summary)
    if headline is not None and headline.paired_force_rmse.n:
        yield _difference_sentence(headline, summary)
    if headline is not None and headline.dominance.n_controls:
        yield from _front_sentences(headline, summary.objectives)
    for comparison in summary.comparisons[1:]:
        if comparison.paired_force_rmse.n:
            yield _other_kind_sentence(verdict, comparison)
    if headline is not None:
        subjects = {
            "Energy: the students' error per atom": headline.paired_energy_rmse,
            "Liquid: the students' RDF error, how far their g(r) is from the teacher's,": headline.paired_rdf_error,
        }
        for subject, paired in subjects.items():
            if paired.mean_percent is not None:
                yield f"{subject} is {percent_interval(paired)} that of the controls."
    if not is_external(summary):
        yield from _teacher_sentences(summary)


def is_external(summary: StudySummary) -> bool:
    """Whether the study's teacher is not a network of this package."""
    return summary.teacher is not None and summary.teacher.is_external


def front_students(summary: StudySummary) -> list[ComparedNetwork]:
    """Students that no other student dominates, the most accurate first; none where there is no teacher."""
    return [network for network in summary.best_under.students if isinstance(network, ComparedNetwork)]


def _external_headline(summary: StudySummary) -> Iterator[str]:
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


def _external_sentences(teacher: TeacherSummary, summary: StudySummary, data: ReportInput) -> Iterator[str]:
    """The front against the teacher, and the teacher against the data."""
    students = [network for network in front_students(summary) if np.isfinite(network.speedup)]
    if students:
        fastest = max(students, key=lambda network: network.speedup)
        low, high = (pick(network.speedup for network in students) for pick in (min, max))
        span = times(high) if len(students) == 1 else f"{times(low)} to {times(high)}"
        rms = None if data.dataset is None else data.dataset.force_rms_ev_per_ang
        typical = "" if rms is None else f"; force components are {number(1000 * rms)} meV/Å in the root mean square"
        energy = f"{1000 * students[0].energy_rmse_ev_per_atom:.1f} meV/atom"
        yield (
            f"Students on the front run MD {span} as fast as {teacher.label} "
            f"({number(teacher.md_us_per_atom_step)} µs/atom/step); the fastest, {fastest.label}, takes "
            f"{number(fastest.md_us_per_atom_step)} µs at a force RMSE of "
            f"{1000 * fastest.force_rmse_ev_per_ang:.1f} meV/Å. The most accurate errs by {energy} in energy "
            f"({split_name(summary.basis)} split{typical})."
        )
    if not teacher.made_the_data:
        yield (
            f"{teacher.label} itself has a force RMSE of {1000 * teacher.force_rmse_ev_per_ang:.1f} meV/Å "
            f"against the data ({split_name(summary.basis)} split)."
        )


def _difference_sentence(comparison: ControlComparison, summary: StudySummary) -> str:
    paired = comparison.paired_force_rmse
    text = (
        f"Force RMSE on the {split_name(summary.basis)} split is {percent_interval(paired)} that of the "
        f"{_controls_of_kind(comparison.control_kind)}: "
        f"{count(paired.n, 'pair')} over {count(paired.n_architectures, 'architecture')} "
        f"and {count(paired.n_seeds, 'seed')}"
    )
    if paired.n_distinct < paired.n:
        text += ", students of all loss weights together"
    mean = f"a mean difference of {signed(1000 * (paired.mean or 0.0), 2)} meV/Å"
    p_value = f", Wilcoxon p = {p_text(paired.p_value)}" if paired.p_value is not None else ""
    return f"{text}, {mean}{p_value}."


def _front_sentences(comparison: ControlComparison, objectives: Sequence[Objective]) -> Iterator[str]:
    dominance, volume = comparison.dominance, comparison.hypervolume
    text = (
        f"Students dominate {dominance.n_controls_dominated} of {count(dominance.n_controls, 'control')} on "
        f"{together(objectives)}"
    )
    if dominance.n_students_dominated:
        text += f"; controls dominate {dominance.n_students_dominated} of {count(dominance.n_students, 'student')}"
    yield text + "."
    if volume.difference is None:
        return
    text = f"The hypervolume of the students' front differs by {signed(volume.difference, 3)} {volume_unit(objectives)}"
    if volume.ci95 is None:
        yield f"{text} (no interval, because {volume.no_ci95_reason})."
        return
    low, high = volume.ci95
    sure = "" if low > 0 or high < 0 else ", so its sign is not sure"
    yield f"{text} (95 % interval {signed(low, 3)} to {signed(high, 3)} over seeds{sure})."


def _controls_of_kind(kind: str) -> str:
    return _CONTROL_NAMES.get(kind, f"{kind} controls")


def _other_kind_sentence(verdict: Verdict, comparison: ControlComparison) -> str:
    paired = comparison.paired_force_rmse
    controls, side = _controls_of_kind(comparison.control_kind), percent_interval(paired)
    text = f"Against {controls} the students' force RMSE is {side} theirs"
    if verdict != "better":
        return f"{text}."
    gain = "remains" if paired.is_better else "reverses" if paired.is_worse else "is not sure"
    return f"{text}: the gain {gain}."


def _teacher_sentences(summary: StudySummary) -> Iterator[str]:
    teacher, claim = summary.teacher, summary.best_under.paper
    if teacher is None:
        yield "No teacher is stored, so speed and memory cannot be put in relation to it."
        return
    below = teacher.percent_below_median_control
    is_ensemble = teacher.n_teachers > teacher.n_generations == 1
    who, has = (f"{teacher.n_teachers} teachers", "have a mean") if is_ensemble else ("teacher", "has a")
    text = f"The {who} ({teacher.label}) {has} force RMSE of {1000 * teacher.force_rmse_ev_per_ang:.1f} meV/Å"
    if below is not None:
        side = "below" if below >= 0 else "above"
        text += f", {abs(below):.0f} % {side} the median architecture's best control"
    yield text + "."
    if teacher.n_teachers > 1 and teacher.teachers_train_ratio is not None:
        generations = teacher.n_generations
        of = f" in {count(generations, 'generation')}" if generations > 1 else ""
        yield (
            f"There are {count(teacher.n_teachers, 'teacher')}{of}: their training took "
            f"{teacher.teachers_train_ratio:.1f} times as long as that of the first."
        )
    if claim.network is not None and claim.met is not None:
        yield _claim_sentence(claim, claim.network, claim.met)


def _claim_sentence(claim: PaperClaim, network: ComparedNetwork, met: CriteriaMet) -> str:
    speed = f"{network.speedup:.1f}× as fast" if np.isfinite(network.speedup) else "its speed not measured"
    fraction = network.memory_fraction
    memory = f"{100 * fraction:.0f} % of the memory per atom" if np.isfinite(fraction) else "its memory not measured"
    error = f"{signed(network.force_rmse_vs_teacher_percent, 0)} % force error"
    text = f"{network.label}: {speed} as the teacher, {memory}, {error}{md_went_wrong(network)}"
    if claim.is_met_by_one:
        return (
            f"{count(claim.n_meeting, 'student')} {'is' if claim.n_meeting == 1 else 'are'} over 2× faster than "
            f"the teacher with under half its memory and at most 20 % more force error; the most accurate is {text}."
        )
    names = {"faster": "over 2× faster", "smaller": "under half the memory", "accurate": "within 20 % of its error"}
    missed = [text for name, text in names.items() if not getattr(met, name)]
    return (
        "No student is at once over 2× faster than the teacher, under half its memory and within 20 % of its error. "
        f"The nearest is {text} (not met: {', '.join(missed)})."
    )


def md_went_wrong(network: DescribedNetwork) -> str:
    """What must be said of a network under which MD of the liquid went wrong."""
    n = network.n_md_went_wrong
    return f"; but MD of the liquid went wrong with {n} of {count(network.n_seeds, 'seed')}" if n else ""


def percent_interval(paired: PairedDifference) -> str:
    """Such as "9.9 % below (95 % interval −10.7 to −9.1 %)"."""
    if paired.mean_percent is None:
        return "not comparable with"
    mean = f"{abs(paired.mean_percent):.1f} % {'below' if paired.mean_percent < 0 else 'above'}"
    if paired.ci95_percent is None:
        return f"{mean} (no interval: too few pairs)"
    low, high = paired.ci95_percent
    return f"{mean} (95 % interval {signed(low, 1)} to {signed(high, 1)} %)"
