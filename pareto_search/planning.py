"""What a study will do and roughly cost, from one timed training step for the smallest and largest network."""

import math
import time
from dataclasses import dataclass

import torch

from pareto_search.config import PAPER_CONTROL_WEIGHTS, Architecture, ExternalTeacher, StudyConfig, TrainingSettings
from pareto_search.measure.device import n_cores
from pareto_search.networks.external_calculator import build_calculator, evaluate_teacher
from pareto_search.potential.build import build_potential
from pareto_search.search.space import ladder
from pareto_search.search.tuned_controls import n_candidates
from pareto_search.training.step import Steps, is_worth_compiling
from pareto_search.training.study_data import StudyData

#: Part of an uncompiled step's time that a compiled one takes, roughly; nothing is compiled only to plan.
_COMPILED_SHARE = 0.25


@dataclass(frozen=True)
class StagePlan:
    """One stage: how many networks it trains, for how many epochs at most, and how long that may take.

    Where the settings name no number of networks, `n_networks` is None, and `seconds` what other limits leave, or NaN.
    """

    name: str
    n_networks: int | None
    max_epochs: int
    seconds: float


@dataclass(frozen=True)
class StudyPlan:
    """The stages of a study with estimates.

    Attributes:
        shared_mib: Data and neighbour table, held once per node.
    """

    config: StudyConfig
    stages: tuple[StagePlan, ...]
    n_workers: int
    n_train_frames: int
    shared_mib: float

    @property
    def seconds(self) -> float:
        """Estimated time of all stages, if every network trains for all its epochs."""
        return sum(stage.seconds for stage in self.stages)


def plan_study(config: StudyConfig, data: StudyData) -> StudyPlan:
    """Time one training step of the teacher and of the ends of the space, and scale it up.

    Early stopping and networks shared between trials make the real run shorter; measuring costs is not counted.
    """
    n_workers, search = _n_workers(config), config.search
    ends = [_epoch_s(architecture, search.training, config, data) for architecture in ladder(search.space, 2)]
    epoch_s = math.sqrt(math.prod(ends)) / n_workers
    n_confirm, n_epochs = config.max_confirmation_networks, config.confirm_training.max_epochs
    stages = (
        *_teacher_plan(config, data),
        *_search_plan(config, epoch_s),
        StagePlan("confirm (at most)", n_confirm, n_epochs, n_confirm * n_epochs * epoch_s),
    )
    return StudyPlan(config, stages, n_workers, len(data.split.train), data.nbytes / 2**20)


def _teacher_plan(config: StudyConfig, data: StudyData) -> list[StagePlan]:
    """Training teachers one after another, or evaluating an external teacher on every frame, timed on two."""
    teacher = config.teacher
    if not isinstance(teacher, ExternalTeacher):
        epoch_s, n = _epoch_s(teacher.architecture, teacher.training, config, data), teacher.n_members
        plan = [("teacher", teacher.training.max_epochs)]
        if again := teacher.born_again:
            plan += [("teacher again", again.training.max_epochs)] * again.n_generations
        return [StagePlan(name, n, n_epochs, n * n_epochs * epoch_s) for name, n_epochs in plan]
    calculator = build_calculator(teacher)
    seconds = []
    for system in (0, data.dataset.n_systems - 1):
        started = time.perf_counter()
        evaluate_teacher(calculator, data.dataset.frame(system))
        seconds.append(time.perf_counter() - started)
    return [StagePlan(f"teacher ({teacher.name} labels)", 0, 0, seconds[-1] * data.dataset.n_systems)]


def _search_plan(config: StudyConfig, epoch_s: float) -> list[StagePlan]:
    """The search: the nearest of its limits on trials, epochs and hours; and that of tuned controls among weights."""
    search, max_epochs = config.search, config.search.training.max_epochs
    n_networks = None if search.n_trials is None else search.n_trials * (1 + len(search.controls))
    limits = [
        None if n_networks is None else n_networks * max_epochs * epoch_s,
        None if search.max_trained_epochs is None else search.max_trained_epochs * epoch_s,
        None if search.max_hours is None else 3600 * search.max_hours,
    ]
    seconds = min((limit for limit in limits if limit is not None), default=math.nan)
    plan = [StagePlan("search", n_networks, max_epochs, seconds)]
    if "tuned" in config.confirm.controls:
        n_chosen = config.max_confirmed
        n_tuning = None if search.n_trials is None else n_chosen * n_candidates(search.n_trials, n_chosen)
        seconds = math.nan if n_tuning is None else n_tuning * max_epochs * epoch_s
        plan.append(StagePlan("tuned controls", n_tuning, max_epochs, seconds))
    return plan


def _n_workers(config: StudyConfig) -> int:
    fits = max(1, n_cores() // config.cluster.cpus_per_trial)
    return min(fits, config.cluster.max_concurrent_trials or fits)


def _epoch_s(architecture: Architecture, training: TrainingSettings, config: StudyConfig, data: StudyData) -> float:
    """Seconds of an epoch: the fastest of three training steps on one batch, times the batches; nothing is learnt."""
    potential = build_potential(architecture, data.references, seed=0).to(config.device)
    potential.train()
    loader = data.loader(architecture, device=config.device)
    systems = data.split.train[: training.batch_size]
    steps = Steps(potential, training, is_compiled=False)
    share = _COMPILED_SHARE if is_worth_compiling(potential, training, loader, data.split.train) else 1.0
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        batch, targets = loader.load(systems)
        steps.train(batch, targets, steps.loss_weights(PAPER_CONTROL_WEIGHTS))
        if torch.device(config.device).type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    n_frames = len(data.split.train) + 0.4 * len(data.split.valid)  # validation has no backward pass
    return share * min(seconds) * n_frames / len(systems)
