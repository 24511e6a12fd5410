"""What the package needs of Tune that has no public name; `tests/cluster/test_tune_private.py` watches over it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

#: Tune's trials, beyond which those that have ended are forgotten.
N_REMEMBERED = 100


@contextmanager
def lean_controller() -> Iterator[None]:
    """Let Tune's loop turn while no trial is there to start, and forget trials that have ended.

    It would wait for the searcher in a loop of its own, in which it frees no GPU of an ended trial, for which the costs
    of the next one wait; and it would keep some 50 kB of every trial until the search is over, half of it for a
    snapshot that is never read. `Tuner.fit` makes its controller itself, so the class is changed, and put back.
    """
    update_queue, mark_trial = TuneController._update_trial_queue, TuneController._mark_trial_to_checkpoint

    def update(self: TuneController, blocking: bool = False, timeout: int = 600) -> bool:
        if len(self._trials) > N_REMEMBERED:
            forget_ended(self)
        return bool(update_queue(self, blocking=False, timeout=timeout))

    replace_methods(TuneController, _update_trial_queue=update, _mark_trial_to_checkpoint=_do_nothing)
    try:
        yield
    finally:
        replace_methods(TuneController, _update_trial_queue=update_queue, _mark_trial_to_checkpoint=mark_trial)


def replace_methods(owner: type, **methods: Callable[..., object]) -> None:
    """Give a class other methods, by name."""
    for name, method in methods.items():
        setattr(owner, name, method)


def forget_ended(controller: TuneController) -> None:
    """Drop trials that have ended from the lists of a controller."""
    controller._trials[:] = [trial for trial in controller._trials if not trial.is_finished()]
    controller._stopped_trials.clear()
    controller._failed_trials.clear()


def _do_nothing(controller: TuneController, trial: Trial) -> None:
    """Note no trial for a snapshot."""
