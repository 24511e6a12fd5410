"""Where the time of a run went, from its events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

#: Events at which a trial's stint on a worker is over.
_STINT_OVER = ("paused", "trial_ended")
#: Begin and end in seconds.
_Span = tuple[float, float]


@dataclass(frozen=True)
class StageTime:
    """Time of a stage, summed over the runs that worked on it; interruptions are not counted.

    Attributes:
        wall_s: From its beginning to its end.
        n_workers: Most networks that were trained at once.
        training_s: Of all workers, with the pauses in which they left the device to a measurement.
        measuring_s: Of workers with nothing to train while a cost was measured, from asking for it to having it.
    """

    stage: str
    wall_s: float
    n_workers: int
    training_s: float
    measuring_s: float

    @property
    def waiting_s(self) -> float:
        """The rest of the workers' time: starting, or without work."""
        return max(0.0, self.n_workers * self.wall_s - self.training_s - self.measuring_s)


def stage_times(events: pd.DataFrame) -> list[StageTime]:
    """Time of each stage, in the order in which they first began."""
    parts: dict[str, list[tuple[float, list[_Span], list[_Span]]]] = {}
    for stage, rows in _runs(events.assign(at_s=active_seconds(events))):
        wall_s = float(rows["at_s"].iloc[-1] - rows["at_s"].iloc[0])
        parts.setdefault(stage, []).append((wall_s, list(_trainings(rows)), list(_measurements(rows))))
    return [_stage_time(stage, *zip(*runs, strict=True)) for stage, runs in parts.items()]


def _stage_time(
    stage: str, walls_s: Sequence[float], trainings: Sequence[list[_Span]], measurements: Sequence[list[_Span]]
) -> StageTime:
    n_workers = max(map(_most_at_once, trainings))
    return StageTime(
        stage=stage,
        wall_s=sum(walls_s),
        n_workers=n_workers,
        training_s=sum(end - start for spans in trainings for start, end in spans),
        measuring_s=sum(
            _idle_s(max(n_workers, 1), of_run, measured)
            for of_run, measured in zip(trainings, measurements, strict=True)
        ),
    )


def active_seconds(events: pd.DataFrame) -> "pd.Series[float]":
    """Seconds that the run had worked at each event: time between an interruption and the next beginning left out."""
    steps = events["at_s"].diff().fillna(0.0).clip(lower=0.0)  # a clock may be set back
    return steps.where(events["kind"] != "stage_began", 0.0).cumsum()


def _runs(events: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each time that a stage was worked on: its name and its events, from its beginning on."""
    number = (events["kind"] == "stage_began").cumsum()
    for _, rows in events[number > 0].groupby(number):
        ends = rows.index[rows["kind"] == "stage_ended"]
        yield str(rows["stage"].iloc[0]), rows.loc[: ends[0]] if len(ends) else rows


def _trainings(rows: pd.DataFrame) -> Iterator[_Span]:
    """Begin and end of each stint of a trial, of each network that belongs to none, and of its MD of the liquid."""
    last_s = float(rows["at_s"].iloc[-1])
    open_stints: dict[int, float] = {}
    for kind, at_s, trial, seconds in rows[["kind", "at_s", "trial_id", "seconds"]].itertuples(index=False):
        if kind == "training":
            open_stints[int(trial)] = at_s
        elif kind in _STINT_OVER and trial in open_stints:
            yield open_stints.pop(int(trial)), at_s
        elif kind in ("network_ended", "liquid_ended") and pd.isna(trial) and pd.notna(seconds):
            yield at_s - seconds, at_s
    if rows["stage"].iloc[0] == "teacher":
        yield float(rows["at_s"].iloc[0]), last_s
    yield from ((start_s, last_s) for start_s in open_stints.values())


def _measurements(rows: pd.DataFrame) -> Iterator[_Span]:
    first_s = float(rows["at_s"].iloc[0])
    measured = rows[(rows["kind"] == "costs_known") & rows["seconds"].notna()]
    for at_s, seconds in measured[["at_s", "seconds"]].itertuples(index=False):
        yield max(at_s - seconds, first_s), at_s


def _idle_s(n_workers: int, trainings: list[_Span], measurements: list[_Span]) -> float:
    """Time of the workers without a network while something was measured."""
    changes = [(at_s, step, 0) for start, end in trainings for at_s, step in ((start, 1), (end, -1))]
    changes += [(at_s, 0, step) for start, end in measurements for at_s, step in ((start, 1), (end, -1))]
    idle_s = before_s = 0.0
    n_training = n_measuring = 0
    for at_s, training, measuring in sorted(changes):
        if n_measuring:
            idle_s += max(0, n_workers - n_training) * (at_s - before_s)
        n_training, n_measuring, before_s = n_training + training, n_measuring + measuring, at_s
    return idle_s


def _most_at_once(intervals: list[_Span]) -> int:
    """Most intervals that overlap; one that ends as another begins does not overlap it."""
    changes = sorted([(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
