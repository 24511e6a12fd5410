"""How long a run may still take, how that is known, and whether it goes on at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pareto_search.analysis.progress import QUIET_S, Progress
from pareto_search.durations import MINUTES_S, duration
from pareto_search.run_directory import Holder


@dataclass(frozen=True)
class StudyBudget:
    """The limits of a study that bound how long it takes; None: no such limit.

    Attributes:
        n_confirm: Networks of the confirmation, at most.
    """

    n_trials: int | None
    max_hours: float | None
    max_epochs: int | None
    n_confirm: int
    confirm_epochs: int


@dataclass(frozen=True)
class TimeLeft:
    """Seconds that the run may still take, None where that cannot be estimated, and how they were estimated."""

    seconds: float | None
    how: str


def time_left(progress: Progress, budget: StudyBudget, now_s: float) -> TimeLeft:
    """How long a run may still take: the stage at the speed it has had, then the confirmation at its longest.

    Args:
        progress: The run's journal.
        budget: The study's limits.
        now_s: Unix time.
    """
    stage = progress.stage
    if stage is None:
        return TimeLeft(None, "no stage is under way")
    if stage == "teacher":
        return TimeLeft(None, "known when the search has begun")
    elapsed_s = max(0.0, min(now_s, progress.last_at_s + QUIET_S) - progress.stage_began_at_s)
    left = _nearest(_stage_limits(progress, budget, elapsed_s))
    if stage in ("confirmation", "liquid") or left.seconds is None:
        return left
    rate = progress.epochs_per_s()
    if rate is None:
        return TimeLeft(left.seconds, f"{left.how}; the confirmation comes on top")
    n_epochs = budget.n_confirm * budget.confirm_epochs
    return TimeLeft(
        left.seconds + n_epochs / rate,
        f"{left.how}; then at most {n_epochs:,} epochs of confirmation at {rate:.3g} epochs/s",
    )


def _stage_limits(progress: Progress, budget: StudyBudget, elapsed_s: float) -> Sequence[TimeLeft]:
    name = "trials" if progress.stage == "search" else "networks"
    done, planned = progress.n_done, progress.n_planned
    limits = []
    if planned is not None:
        n_before = progress.n_settled_before if progress.stage == "search" else 0
        n_left = max(0, planned - n_before - done)
        if done > 0:
            how = f"{done} {name if done > 1 else name[:-1]} in {duration(elapsed_s)}, {n_left} of {planned} left"
            limits.append(TimeLeft(elapsed_s * n_left / done, how))
        else:
            which = f"another {name[:-1]}" if n_before else f"the first of {planned} {name}"
            limits.append(TimeLeft(None, f"known when {which} has ended"))
    if progress.stage == "search" and budget.max_hours is not None:
        seconds = max(0.0, 3600 * budget.max_hours - progress.search_s)
        limits.append(TimeLeft(seconds, f"the search's limit of {budget.max_hours:g} h"))
    rate = progress.epochs_per_s()
    if progress.stage == "search" and budget.max_epochs is not None and rate:
        n_left = max(0, budget.max_epochs - progress.n_search_epochs)
        limits.append(TimeLeft(n_left / rate, f"{n_left:,} epochs left at {rate:.3g} epochs/s"))
    return limits


def _nearest(limits: Sequence[TimeLeft]) -> TimeLeft:
    known = [limit for limit in limits if limit.seconds is not None]
    if known:
        return min(known, key=lambda limit: limit.seconds or 0.0)
    return limits[0] if limits else TimeLeft(None, "the stage has no limit that tells")


RunKind = Literal["nothing", "running", "quiet", "dead", "ended"]


@dataclass(frozen=True)
class RunState:
    """Whether a run goes on, in a word and in a sentence."""

    kind: RunKind
    text: str


def run_state(progress: Progress, holder: Holder, now_s: float) -> RunState:
    """Whether a run goes on.

    Args:
        progress: Its journal.
        holder: Whether the process that took the run directory last still lives, where that can be seen.
        now_s: Unix time.
    """
    if progress.n_events == 0:
        return RunState("running", "the run begins") if holder == "alive" else RunState("nothing", "nothing yet")
    silence_s = max(0.0, now_s - progress.last_at_s)
    is_quiet = silence_s > progress.quiet_after_s()
    silent = f"no event for {duration(silence_s)}"
    if progress.stage is None:
        if holder == "alive" or (holder == "unknown" and not is_quiet):
            return RunState("running", "between two stages")
        last = progress.stages_ended[-1] if progress.stages_ended else ""
        return RunState("ended", f"ended after the {last}" if last else "ended")
    if holder == "gone":
        since = f"; {silent}" if silence_s >= MINUTES_S else ""  # no other text every second, which would be read out
        return RunState("dead", f"stopped in the {progress.stage}: its process is gone{since}")
    if is_quiet and progress.stage == "teacher":
        return RunState("quiet", f"{silent}; there are none while the teacher trains")
    if is_quiet and holder == "alive":
        return RunState("quiet", f"{silent}, but its process lives")
    if is_quiet:
        return RunState("dead", f"{silent}: the run seems dead")
    return RunState("running", f"in the {progress.stage}")
