"""One sentence below each figure: what it shows and what to conclude from it."""

import numpy as np
import pandas as pd

from pareto_search.analysis.caps import describe_network
from pareto_search.analysis.comparison import kinds_of_control
from pareto_search.analysis.curves import epochs_to_shared_error, paired_curves
from pareto_search.analysis.cutoffs import Power, front_cutoffs, power_of_cutoff
from pareto_search.analysis.networks import ARCHITECTURE_COLUMNS
from pareto_search.analysis.paired import match_controls
from pareto_search.analysis.study_summary import StudySummary
from pareto_search.analysis.timeline import stage_times
from pareto_search.report.external_words import made_the_data
from pareto_search.report.figures.front_3d import on_front
from pareto_search.report.figures.parallel import searched_students, varied
from pareto_search.report.figures.quantities import FORCE, MEMORY, STEP_TIME, with_values
from pareto_search.report.figures.search import USES, setting_name
from pareto_search.report.figures.style import look_of
from pareto_search.report.numbers import number, together
from pareto_search.report.tables import ReportTables, architectures


def front_caption(summary: StudySummary, axis_name: str) -> str:
    """Caption of figure 2's panels."""
    text = (
        f"Force error against {axis_name}, lower left is better; points are means over seeds, bars their spread, "
        "step lines are fronts, bands the quartiles of what the fronts of single seeds attain"
    )
    teacher = (
        " The teacher made the data: its error is 0, and it is not drawn." if made_the_data(summary.teacher) else ""
    )
    headline = summary.headline
    if headline is None or headline.dominance.n_controls == 0:
        return f"{text}; there are no controls to compare with.{teacher}"
    dominance = headline.dominance
    return (
        f"{text}: {dominance.n_controls_dominated} of {dominance.n_controls} controls are dominated by some student on "
        f"{together(summary.objectives)}.{teacher}"
    )


def front_3d_caption(tables: ReportTables) -> str:
    """Caption of figure 2C: how many networks of each kind are on their front."""
    text = "Error, step time and memory; all three are small at the near corner below, and dominated networks are faint"
    counts = []
    for role, kind in (("student", ""), *(("control", kind) for kind in kinds_of_control(tables.networks))):
        group = with_values(tables.of_role(role, kind), STEP_TIME, MEMORY, FORCE)
        if len(group):
            counts.append(f"{int(on_front(tables, group).sum())} of {len(group)} {look_of(role, kind).name.lower()}")
    return f"{text}: {', '.join(counts)} are on their own front." if counts else f"{text}."


def parallel_caption(tables: ReportTables) -> str:
    """Caption of figure 7: which setting the most accurate students agree on most."""
    rows = searched_students(tables)
    text = f"{len(rows):,} students of the search with error and cost; a range drawn on an axis filters all figures"
    learned = next(objective for objective in tables.objectives if objective.is_learned)
    order = rows[learned.column] if learned.direction == "minimize" else -rows[learned.column]
    best = rows.loc[order.nsmallest(len(rows) // 10).index]
    settings = varied(rows)
    if len(best) < 5 or not settings:
        return f"{text}."
    spreads = {d: _share_of_range(best[d.column], rows[d.column], is_log=d.is_log) for d in settings}
    setting = min(spreads, key=spreads.__getitem__)
    low, high = f"{best[setting.column].min():.4g}", f"{best[setting.column].max():.4g}"
    name = setting.name.replace("<br>", " ").lower()
    found = f"all have {name} {low}" if low == high else f"agree most on {name}, {low} to {high}"
    return f"{text}. The most accurate tenth {found}."


def history_caption(tables: ReportTables) -> str:
    """Caption of figure 8: how soon most of the hypervolume was there."""
    text = f"Hypervolume of the search's students (validation){_origin(tables)}"
    history = tables.history
    if history is None or history.hypervolume[-1] == 0:
        return f"{text}."
    at = int(np.argmax(history.hypervolume >= 0.95 * history.hypervolume[-1]))
    last = int(np.argmax(history.hypervolume >= history.hypervolume[-1]))
    return (
        f"{text}: 95 % of it after {history.n_trials[at]} of {len(history.n_trials)} trials and "
        f"{history.n_epochs[at]:,.0f} of {history.n_epochs[-1]:,.0f} epochs; trials after the last gain: "
        f"{len(history.n_trials) - 1 - last}."
    )


def _origin(tables: ReportTables) -> str:
    """From where the hypervolume is measured."""
    reference = tables.reference
    if reference is None:
        return ""
    if reference.origin == "networks":
        return ", from a tenth beyond the worst values seen"
    factors = ["½" if factor == 0.5 else f"{factor:g}" for factor in reference.factors]
    return f", from {', '.join(factors[:-1])} and {factors[-1]} times the teacher's values"


def importance_caption(tables: ReportTables) -> str:
    """Caption of figure 9: the strongest of the sure effects on each objective."""
    text = "Rank correlation of each hyperparameter with the objectives, others held; filled where the sign is sure"
    found = tables.importances
    said = []
    for importance, objective in zip(found, tables.objectives, strict=True):
        sure = [effect for effect in importance.effects if effect.is_sure]
        if sure:
            verb = "raises" if sure[0].correlation > 0 else "lowers"
            said.append(f"{setting_name(sure[0].parameter).lower()} {verb} {objective.noun}")
    if not said:
        return f"{text}; nothing is sure."
    return f"{text}. The strongest of these: {', '.join(said)}."


def work_caption(tables: ReportTables) -> str:
    """Caption of figure 10: what the workers of the longest stage did."""
    text = (
        "Workers' time by stage, interruptions left out; measuring is that of workers with nothing to train while a "
        "cost was measured, waiting the rest"
    )
    stages = stage_times(tables.events)
    if not stages:
        return f"{text}."
    longest = max(stages, key=lambda stage: stage.wall_s)
    whole = longest.training_s + longest.measuring_s + longest.waiting_s
    if whole <= 0:
        return f"{text}."
    shares = (f"{100 * getattr(longest, f'{use}_s') / whole:.0f} % {use}" for use, _ in USES)
    return f"{text}. The {longest.stage} took longest: {', '.join(shares)}."


def _share_of_range(part: pd.Series, whole: pd.Series, *, is_log: bool) -> float:
    """Width of a part's range over that of the whole, logarithmic where the axis is (0 counts as the smallest)."""
    if is_log:
        smallest = whole[whole > 0].min()
        part, whole = np.log(part.clip(lower=smallest)), np.log(whole.clip(lower=smallest))
    width = float(whole.max() - whole.min())
    return float(part.max() - part.min()) / width if width > 0 else 1.0


def size_caption(tables: ReportTables, column: str, name: str) -> str:
    """Caption of figure 3's panels: at how many sizes the student is better."""
    better, total = count_better(tables, column)
    text = f"{name} against the number of weights"
    if total == 0:
        return f"{text}; no architecture has both a student and a control."
    return f"{text}: with equal weights the student is the more accurate in {better} of {total} architectures."


def count_better(tables: ReportTables, column: str) -> tuple[int, int]:
    """Architectures whose student is below its headline control in a column, and how many have both."""
    kinds = kinds_of_control(tables.networks)
    if not kinds:
        return 0, 0
    keys = list(ARCHITECTURE_COLUMNS)
    students = tables.of_role("student").groupby(keys)[column].mean()
    controls = tables.of_role("control", kinds[0]).groupby(keys)[column].mean()
    both = pd.concat([students.rename("student"), controls.rename("control")], axis=1).dropna()
    return int((both["student"] < both["control"]).sum()), len(both)


def curves_caption(tables: ReportTables) -> str:
    """Caption of figure 4: how many students become as accurate as their controls, and how soon."""
    text = "Force error while training, one line per seed"
    kinds = kinds_of_control(tables.networks)
    curves = paired_curves(tables.curves, match_controls(tables.models, tables.basis, kinds[0])) if kinds else []
    known = [pair for pair in curves if pair is not None]
    if not known:
        return f"{text}; there are no pairs of curves to compare."
    n_reached = sum(np.nanmin(student) <= np.nanmin(control) for student, control in known)
    median = 2 ** float(np.median([epochs_to_shared_error(*pair) for pair in known]))
    return (
        f"{text}: {n_reached} of {len(known)} students reach their control's best validation error; to the lowest "
        f"error that both reach they take a median of {100 * median:.0f} % of its epochs."
    )


def time_caption(summary: StudySummary, tables: ReportTables) -> str:
    """Caption of figure 5A."""
    text = (
        "Step time against the number of weights, with quartiles over the steps; student and control of an "
        "architecture share it"
    )
    return f"{text}{_range_against_teacher(summary, tables, 'speedup')}."


def memory_caption(summary: StudySummary, tables: ReportTables, is_flat: bool) -> str:
    """Caption of figure 5B."""
    text = "Memory of an MD step per atom against the number of weights"
    if is_flat:
        return f"{text}: capacity barely depends on the architecture here."
    return f"{text}{_range_against_teacher(summary, tables, 'memory_fraction')}."


def cutoff_caption(tables: ReportTables) -> str:
    """Caption of figure 6A: which of the cutoffs tried are on the front."""
    text = "Force error against the hard cutoff"
    tried = tables.models.loc[tables.models["role"] != "teacher", "dist_hard_max_ang"]
    found = front_cutoffs(tables.networks, tables.objectives)
    if not found:
        return f"{text}; no student is on the front yet."
    low, high = f"{found[0]:.1f}", f"{found[-1]:.1f}"
    theirs = f"a cutoff of {low} Å" if low == high else f"cutoffs from {low} to {high} Å"
    longer = "; longer ones brought no student onto the front" if found[-1] < tried.max() else ""
    return f"{text}: students on the front have {theirs}, of {tried.min():.1f} to {tried.max():.1f} Å tried{longer}."


def cutoff_cost_caption(tables: ReportTables) -> str:
    """Caption of figure 6B: how time and memory grow with the cutoff at equal size."""
    text = "Step time against the hard cutoff"
    frame = architectures(tables)
    powers = {
        name: power_of_cutoff(frame, column)
        for name, column in (("step time", STEP_TIME.column), ("memory", "bytes_per_atom"))
    }
    told = [f"{name} to {_power(power)}" for name, power in powers.items() if power is not None]
    if len(told) < len(powers):
        return f"{text}; architectures are too few to tell the cutoff's part from that of the size."
    unsure = [name for name, power in powers.items() if power is not None and power.ci95[0] <= 0]
    claim = "costs go with the cutoff, " if unsure else "costs grow with the cutoff, "
    doubt = f"; whether {' and '.join(unsure)} grow{'' if len(unsure) > 1 else 's'} is not sure" if unsure else ""
    return (
        f"{text}: with equally many weights, {claim}{' and '.join(told)} (95 % intervals; fit over {len(frame)} "
        f"architectures){doubt}."
    )


def _power(found: Power) -> str:
    low, high = found.ci95
    return f"the power {number(found.power, 2)} ({number(low, 2)} to {number(high, 2)})"


def _range_against_teacher(summary: StudySummary, tables: ReportTables, name: str) -> str:
    if summary.teacher is None:
        return ""
    teacher = tables.networks[tables.networks["best_model_id"] == summary.teacher["model_id"]].iloc[0]
    students = tables.of_role("student")
    values = [describe_network(row, teacher)[name] for _, row in students.iterrows()]
    values = [value for value in values if np.isfinite(value)]
    if not values:
        return ""
    low, high = min(values), max(values)
    whose = "the confirmed students" if summary.basis.stage == "confirm" else "students"
    if name == "speedup":
        return f": {whose} are {low:.1f} to {high:.1f} times as fast as the teacher"
    return f": {whose} need {100 * low:.0f} to {100 * high:.0f} % of the teacher's memory"


def has_costs(tables: ReportTables) -> bool:
    """True if the cost of some architecture is known."""
    return len(architectures(tables)) > 0
