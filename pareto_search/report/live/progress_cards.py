"""Cards of the live page: where the run stands, as key numbers."""

from collections.abc import Mapping

from pareto_search.analysis.progress import Progress
from pareto_search.analysis.time_left import RunState, StudyBudget, time_left
from pareto_search.durations import duration
from pareto_search.report.live.trial_catalogue import STATE_NAMES, UNKNOWN
from pareto_search.report.numbers import number, whole
from pareto_search.report.page.elements import Card


def progress_cards(
    progress: Progress, state: RunState, budget: StudyBudget, now_s: float, n_networks: Mapping[str, int]
) -> list[Card]:
    """Stage, trials, networks, speed, time left and the last event.

    Args:
        progress: The journal.
        state: Whether the run goes on.
        budget: Limits of the study.
        now_s: Unix time.
        n_networks: Stored networks by status.
    """
    rate = progress.epochs_per_s()
    n_ended = sum(not trial.is_live for trial in progress.trials.values())
    age = f"{duration(max(0.0, now_s - progress.last_at_s))} ago" if progress.n_events else UNKNOWN
    left = time_left(progress, budget, now_s)
    is_over = state.kind in ("ended", "dead", "nothing")
    tone = {"dead": "bad", "quiet": "bad", "ended": "good"}.get(state.kind, "plain")
    return [
        Card("stage", "Stage", _stage_name(progress, state), _stage_detail(progress, now_s), tone),
        Card("trials", "Trials", f"{n_ended:,} ended", _trials_detail(progress, is_over)),
        Card("networks", "Networks stored", whole(sum(n_networks.values())), _listed(n_networks)),
        Card("epochs", "Epochs trained", whole(progress.n_epochs),
             "all but the teacher's" if rate is None else f"{number(rate)} epochs/s in the last minutes"),
        Card("left", "Time left", UNKNOWN if is_over or left.seconds is None else f"≈ {duration(left.seconds)}",
             "nothing is under way" if is_over else left.how),
        Card("last", "Last event", age, _event_text(progress)),
    ]  # fmt: skip


def _stage_name(progress: Progress, state: RunState) -> str:
    if progress.stage is not None:
        return progress.stage
    running = "between stages" if progress.n_events else "beginning"
    return {"ended": "ended", "nothing": "waiting", "running": running}.get(state.kind, UNKNOWN)


def _stage_detail(progress: Progress, now_s: float) -> str:
    if progress.stage is None:
        done = ", ".join(dict.fromkeys(progress.stages_ended))
        return f"done: {done}" if done else "no stage has begun"
    planned = "" if progress.n_planned is None else f", {progress.n_planned:,} planned"
    return f"for {duration(max(0.0, now_s - progress.stage_began_at_s))}{planned}"


def _trials_detail(progress: Progress, is_over: bool) -> str:
    counts = progress.counts()
    names = {"interrupted": "interrupted", "measuring": "in measurement", "ready": "ready", "waiting": "at a rung"}
    if is_over:
        counts = {("interrupted" if k in ("training", "ready", "measuring") else k): n for k, n in counts.items()}
    return _listed({names.get(state, STATE_NAMES[state]): counts[state] for state in STATE_NAMES if state in counts})


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "none yet"


def _event_text(progress: Progress) -> str:
    event = progress.last_event
    if event is None:
        return "none yet"
    if event.trial_id is not None:
        what = {"epoch": f"epoch {event.epoch}", "trial_began": "begun", "costs_known": "costs known",
                "trial_ended": event.status or "ended"}.get(event.kind, event.kind)  # fmt: skip
        return f"trial {event.trial_id}: {what}"
    if event.kind in ("network_ended", "liquid_ended"):
        return f"{event.model_id}: {event.status if event.kind == 'network_ended' else 'liquid'}"
    return f"{event.stage} {'began' if event.kind == 'stage_began' else 'ended'}"
