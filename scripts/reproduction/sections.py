"""The sections of a reproduction, each on one run."""

from dataclasses import dataclass

from pareto_search.analysis.claim import Claim
from pareto_search.analysis.claims import COSTS_SOURCE
from reproduction.kept import KeptRun


@dataclass(frozen=True)
class Section:
    """A part of the document.

    Attributes:
        title: Its heading.
        about: What was compared.
        is_of_costs: Whether costs alone are what it tells of.
    """

    title: str
    about: str
    is_of_costs: bool = False

    def claims(self, run: KeptRun) -> list[Claim]:
        """What it says of the paper's claims."""
        return [claim for claim in run.tables.claims if not self.is_of_costs or claim.source == COSTS_SOURCE]


_LADDER = "Six sizes, students against the paper's controls and against controls that differ in the teacher term alone."
#: The sections by the name of their run, in their order.
SECTIONS = {
    "ladder": Section("The ladder of sizes (Fig. 2 to 5)", _LADDER),
    "hippynn-engine": Section(
        "Costs with hippynn's engine (Fig. 5)",
        "The same sizes with the engine that the paper used, for their costs alone: they are trained for one epoch.",
        is_of_costs=True,
    ),
    "tuned": Section(
        "Controls tuned as hard", "Two sizes whose loss weights were searched, with and without a teacher."
    ),
    "label-weights": Section(
        "The weight of the teacher's labels", "Students of one size by the weight of the atomic energies in their loss."
    ),
    "label-weights-early": Section("The same with a poor teacher", "The teacher was stopped early."),
    "label-weights-strong": Section(
        "The same with a better teacher", "The teacher was trained with the students' weight of forces, for longer."
    ),
    "label-weights-converged": Section(
        "The same at convergence", "The better teacher, and students trained until they gain no more."
    ),
    "born-again": Section(
        "Born Again (section 3.5)",
        "Students of the teacher's own architecture, whose loss weights follow the paper's schedule in an eighth of "
        "its epochs. Controls of the kind `ablation` have that schedule without a teacher, those of the kind `static` "
        "the teacher without the schedule.",
    ),
    "ensemble": Section(
        "Four teachers",
        "Labels that are the mean of four teachers', atoms on which these differ counting less. Controls of the kind "
        "`one_teacher` are students of the first of them alone.",
    ),
    "knowledge": Section(
        "Other knowledge",
        "Students that take over the teacher's interaction layer, learn its forces too and were first trained for 40 "
        "epochs on frames of its MD, which no control was; `scratch` controls have its labels and forces alone.",
    ),
}
