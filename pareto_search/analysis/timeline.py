"""Where the time of a run went, from its events."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

#: Events at which a trial's stint on a worker is over.
_STINT_OVER = ("paused", "trial_ended")


@dataclass(frozen=True)
class StageTime:
    """Time of a stage, summed over the runs that worked on it; interruptions are not counted.

    Attributes:
        stage: Its name.
        wall_s: From its beginning to its end.
        n_workers: Most networks that were trained at once.
        training_s: Of all workers.
        measuring_s: Spent on costs, from asking for them to having them.
    """

    stage: str
    wall_s: float
    n_workers: int
    training_s: float
    measuring_s: float

    @property
    def waiting_s(self) -> float:
        """Time in which a worker neither trained nor measured: starting, waiting for costs or for work."""
        return max(0.0, self.n_workers * self.wall_s - self.training_s - self.measuring_s)


def stage_times(events: pd.DataFrame) -> list[StageTime]:
    """Time of each stage, in the order in which they first began.

    Args:
        events: Rows of `events.csv`.
    """
    parts: dict[str, list[tuple[float, list[tuple[float, float]], float]]] = {}
    for stage, rows in _runs(events.assign(at_s=active_seconds(events))):
        wall_s = float(rows["at_s"].iloc[-1] - rows["at_s"].iloc[0])
        measuring_s = float(rows.loc[rows["kind"] == "costs_known", "seconds"].sum())
        parts.setdefault(stage, []).append((wall_s, list(_trainings(rows)), measuring_s))
    return [
        StageTime(
            stage=stage,
            wall_s=sum(wall_s for wall_s, _, _ in runs),
            n_workers=max(_most_at_once(trainings) for _, trainings, _ in runs),
            training_s=sum(end - start for _, trainings, _ in runs for start, end in trainings),
            measuring_s=sum(measuring_s for _, _, measuring_s in runs),
        )
        for stage, runs in parts.items()
    ]


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


def _trainings(rows: pd.DataFrame) -> Iterator[tuple[float, float]]:
    """Begin and end of each stint of a trial, and of each network that belongs to none."""
    last_s = float(rows["at_s"].iloc[-1])
    open_stints: dict[int, float] = {}
    for kind, at_s, trial, seconds in rows[["kind", "at_s", "trial_id", "seconds"]].itertuples(index=False):
        if kind == "training":
            open_stints[int(trial)] = at_s
        elif kind in _STINT_OVER and trial in open_stints:
            yield open_stints.pop(int(trial)), at_s
        elif kind == "network_ended" and pd.isna(trial) and pd.notna(seconds):
            yield at_s - seconds, at_s
    if rows["stage"].iloc[0] == "teacher":
        yield float(rows["at_s"].iloc[0]), last_s
    yield from ((start_s, last_s) for start_s in open_stints.values())


def _most_at_once(intervals: list[tuple[float, float]]) -> int:
    """Most intervals that overlap; one that ends as another begins does not overlap it."""
    changes = sorted([(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
