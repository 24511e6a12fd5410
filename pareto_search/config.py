"""Validated settings of a study: YAML in, frozen pydantic models out.

Distances are in Å, energies in eV, forces in eV/Å. Nothing here reads files, environment variables or builds live
objects; `config_file` does the reading.
"""

import math
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

ControlKind = Literal["paper", "ablation"]
EngineName = Literal["explicit", "hippynn"]
Compiling = Literal["auto", "always", "never"]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# --- data -----------------------------------------------------------------------------------------------------------


class SourceSettings(Settings):
    """What every data source shares."""

    elements: tuple[str, ...] | None = Field(
        None, description="elements the study may meet; any other is an error; omitted: whatever the data hold"
    )
    min_distance_ang: PositiveFloat = Field(0.7, description="a frame with atoms nearer than this is an error")
    max_frames: PositiveInt | None = Field(None, description="use a seeded random sample of this many frames")

    @field_validator("elements")
    @classmethod
    def _known_elements(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from ase.data import atomic_numbers

        for symbol in value or ():
            if symbol not in atomic_numbers or symbol == "X":
                raise ValueError(f"{symbol!r} is not a chemical element; write symbols such as Al")
        if value is not None and len(set(value)) != len(value):
            raise ValueError("an element is listed twice")
        return value


class EmtAluminumSource(SourceSettings):
    """Aluminium generated with ASE's EMT: a demonstration potential, softer than the real metal."""

    source: Literal["emt-aluminum"]
    n_frames: PositiveInt = Field(240, ge=10, description="frames to generate")
    n_atoms: Literal[32, 108] = Field(32, description="atoms a frame, fcc supercells of 2x2x2 or 3x3x3 cubic cells")
    seed: NonNegativeInt = 0


class FileSource(SourceSettings):
    """A source that is read from a path."""

    path: Path = Field(description="file, or for ani-h5 a file or a folder of .h5 files")


class ExtxyzSource(FileSource):
    """extxyz or any other file of frames that ASE reads, with energies and forces."""

    source: Literal["extxyz"]
    format: str | None = Field(None, description="ASE format name; omitted: by the file's ending")


class AseDatabaseSource(FileSource):
    """An ASE database (.db or .json)."""

    source: Literal["ase-db"]


class AniH5Source(FileSource):
    """The ANI-Al HDF5 layout ("pyanitools"): energies in Hartree, forces in Hartree/Å."""

    source: Literal["ani-h5"]
    force_sign: Literal["auto", "gradient", "force"] = Field(
        "auto", description="is the stored array +dE/dR (gradient) or -dE/dR (force); auto decides by a reference"
    )


DataSource = Annotated[
    EmtAluminumSource | ExtxyzSource | AseDatabaseSource | AniH5Source, Field(discriminator="source")
]


class SplitSettings(Settings):
    """How frames are shared out between training, validation and test."""

    kind: Literal["random", "source"] = Field(
        "random", description="random: frame by frame; source: whole sources (info['source']) go to one part"
    )
    train: PositiveFloat = 0.8
    valid: PositiveFloat = 0.1
    test: PositiveFloat = 0.1
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.valid + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"train + valid + test must be 1, got {total:g}")
        return self


# --- architecture and loss ------------------------------------------------------------------------------------------


class Architecture(Settings):
    """A HIPNN-TS network with hippynn's hyperparameter names; distances in Å."""

    n_features: PositiveInt = Field(128, le=1024)
    n_sensitivities: PositiveInt = Field(40, ge=2, le=256)
    n_atom_layers: PositiveInt = Field(4, le=16)
    n_interaction_layers: PositiveInt = Field(1, le=4)
    l_max: Literal[0, 1, 2] = 1
    dist_soft_min_ang: PositiveFloat = 1.5
    dist_soft_max_ang: PositiveFloat = 7.0
    dist_hard_max_ang: PositiveFloat = 7.5
    activation: Literal["softplus", "silu", "tanh"] = "softplus"
    cusp_reg: PositiveFloat = 1e-6

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, soft, hard = self.dist_soft_min_ang, self.dist_soft_max_ang, self.dist_hard_max_ang
        if not low < soft < hard:
            raise ValueError(
                f"need dist_soft_min_ang < dist_soft_max_ang < dist_hard_max_ang, got {low}, {soft}, {hard}"
            )
        return self

    @property
    def label(self) -> str:
        """Short name: features/sensitivities/layers, with whatever differs from the usual one layer, l = 1."""
        text = f"{self.n_features}/{self.n_sensitivities}/{self.n_atom_layers}"
        if self.n_interaction_layers != 1 or self.l_max != 1:
            text += f" ni={self.n_interaction_layers} l={self.l_max}"
        return text


class LossWeights(Settings):
    """Weights of the error terms of the loss (the paper's eqn 2 and 5); energies in eV, forces in eV/Å."""

    weight_energy: NonNegativeFloat = 1.0
    weight_forces: NonNegativeFloat = 10.0
    weight_atomic_energy: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.weight_energy == self.weight_forces == self.weight_atomic_energy == 0:
            raise ValueError("at least one loss weight must be above zero")
        return self


class ScheduledWeights(LossWeights):
    """Loss weights in force from an epoch on."""

    epoch: PositiveInt


#: The paper's weights of teacher and control (its section 5).
PAPER_CONTROL_WEIGHTS = LossWeights(weight_energy=1.0, weight_forces=10.0, weight_atomic_energy=0.0)


class TrainingSettings(Settings):
    """The fitting loop; the defaults are the paper's (its section 5)."""

    max_epochs: PositiveInt = 500
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 1e-3
    plateau_patience: PositiveInt = Field(30, description="epochs without gain before the learning rate is halved")
    plateau_factor: float = Field(0.5, gt=0, lt=1)
    termination_patience: PositiveInt = Field(50, description="epochs without gain before training ends")
    weight_l2: NonNegativeFloat = 1e-6
    weight_hierarchicality: NonNegativeFloat = 0.01
    schedule: tuple[ScheduledWeights, ...] = Field(
        (), description="loss weights by epoch, replacing the network's own; the first row starts at epoch 1"
    )
    checkpoint_every_s: PositiveFloat = 30.0
    compile: Compiling = Field("auto", description="whether steps are compiled; auto: where the work repays it")

    @model_validator(mode="after")
    def _schedule_starts_at_one_and_rises(self) -> Self:
        epochs = [row.epoch for row in self.schedule]
        if epochs and (epochs[0] != 1 or any(b <= a for a, b in pairwise(epochs))):
            raise ValueError(f"schedule epochs must start at 1 and rise, got {epochs}")
        return self


class TeacherSettings(Settings):
    """The teacher network."""

    architecture: Architecture = Architecture()
    weights: LossWeights = PAPER_CONTROL_WEIGHTS
    training: TrainingSettings = TrainingSettings()
    seed: NonNegativeInt = 0


# --- search ---------------------------------------------------------------------------------------------------------


class Range(Settings):
    """A searched number between two bounds, both included."""

    low: float
    high: float
    log: bool = False
    zero_below: PositiveFloat | None = Field(None, description="samples below this mean exactly 0")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"need low < high, got {self.low:g} and {self.high:g}; write a plain number to fix it")
        if self.log and self.low <= 0:
            raise ValueError(f"a log range needs low > 0, got {self.low:g}; use zero_below to include 0")
        if self.zero_below is not None and not self.low < self.zero_below < self.high:
            raise ValueError(f"need low < zero_below < high, got {self.zero_below:g}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return (0.0 if self.zero_below is not None else self.low), self.high


class Choice(Settings):
    """A searched value from a list."""

    choices: tuple[float | int | str, ...] = Field(min_length=1)

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value of numeric choices."""
        values = [float(value) for value in self.choices]
        return min(values), max(values)


def _kind_of_dimension(value: Any) -> str:
    """Which branch a dimension of the space is checked against, so that a mistake gives one message."""
    if isinstance(value, Choice) or (isinstance(value, dict) and "choices" in value):
        return "choice"
    if isinstance(value, Range | dict):
        return "range"
    return "number"


Numeric = Annotated[
    Annotated[float, Tag("number")] | Annotated[Range, Tag("range")] | Annotated[Choice, Tag("choice")],
    Discriminator(_kind_of_dimension),
]


def _kind_of_label(value: Any) -> str:
    return "choice" if isinstance(value, Choice | dict) else "text"


Label = Annotated[Annotated[str, Tag("text")] | Annotated[Choice, Tag("choice")], Discriminator(_kind_of_label)]


def bounds(dimension: float | Range | Choice) -> tuple[float, float]:
    """Smallest and largest value a dimension of the space can take."""
    return dimension.bounds if isinstance(dimension, Range | Choice) else (float(dimension), float(dimension))


_INTEGER_DIMENSIONS = ("n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max")


class SpaceSettings(Settings):
    """What is searched: each entry is a number (fixed), a range or a list of choices."""

    n_features: Numeric = Range(low=12, high=128, log=True)
    n_sensitivities: Numeric = Range(low=8, high=40)
    n_atom_layers: Numeric = Range(low=1, high=4)
    n_interaction_layers: Numeric = 1
    l_max: Numeric = 1
    dist_soft_min_ang: Numeric = 1.5
    dist_soft_max_ang: Numeric = 7.0
    dist_hard_max_ang: Numeric = 7.5
    activation: Label = "softplus"
    cusp_reg: PositiveFloat = 1e-6
    weight_energy: Numeric = 1.0
    weight_forces: Numeric = Range(low=3, high=100, log=True)
    weight_atomic_energy: Numeric = Range(low=0.3, high=300, log=True, zero_below=1)

    @model_validator(mode="after")
    def _corners_are_architectures(self) -> Self:
        for name in _INTEGER_DIMENSIONS:
            value = getattr(self, name)
            values = value.choices if isinstance(value, Choice) else bounds(value)
            if any(float(v) != int(v) for v in values):
                raise ValueError(f"{name} takes whole numbers")
        for name in ("activation", "dist_soft_min_ang", "dist_soft_max_ang"):
            if isinstance(getattr(self, name), Range | Choice):
                raise ValueError(f"{name} cannot be searched, because results do not tell its values apart; fix it")
        names = [name for name in Architecture.model_fields if name not in ("activation", "cusp_reg")]
        for end in (0, 1):
            corner = {name: bounds(getattr(self, name))[end] for name in names}
            soft, hard = bounds(self.dist_soft_max_ang)[1], bounds(self.dist_hard_max_ang)[0]
            if soft >= hard:
                raise ValueError(f"dist_soft_max_ang may reach {soft:g} but dist_hard_max_ang starts at {hard:g}")
            Architecture.model_validate({**corner, "cusp_reg": self.cusp_reg})
        activations = self.activation.choices if isinstance(self.activation, Choice) else (self.activation,)
        for activation in activations:
            Architecture.model_validate({"activation": activation})
        if bounds(self.weight_energy)[0] == bounds(self.weight_forces)[0] == 0:
            raise ValueError("weight_energy and weight_forces may not both reach 0: a control would have no loss")
        for name in LossWeights.model_fields:
            if bounds(getattr(self, name))[0] < 0:
                raise ValueError(f"{name} may not be negative")
        return self

    @property
    def largest_cutoff_ang(self) -> float:
        """The longest hard cutoff in the space."""
        return bounds(self.dist_hard_max_ang)[1]

    @property
    def searched(self) -> dict[str, Range | Choice]:
        """The dimensions that are searched, by name."""
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in pairs if isinstance(value, Range | Choice)}


class SearchSettings(Settings):
    """The multi-objective search over students."""

    space: SpaceSettings = SpaceSettings()
    n_trials: PositiveInt = 40
    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    seed: NonNegativeInt = Field(0, description="seed of the sampler")
    network_seed: NonNegativeInt = Field(0, description="seed of the initial weights and batches of every trial")
    points: tuple[dict[str, float | int | str], ...] = Field(
        (), description="points to try first; each names every searched dimension"
    )
    controls: tuple[ControlKind, ...] = Field(
        ("paper",), description="controls trained beside every student of the search; [] for none"
    )
    training: TrainingSettings = TrainingSettings()
    report_every_epochs: PositiveInt = 5

    @model_validator(mode="after")
    def _points_fit(self) -> Self:
        if not self.space.searched:
            raise ValueError("space has nothing to search: give at least one dimension a range or choices")
        for number, point in enumerate(self.points, start=1):
            missing = sorted(set(self.space.searched) - set(point))
            unknown = sorted(set(point) - set(self.space.searched))
            if missing or unknown:
                raise ValueError(
                    f"point {number} must name exactly the searched dimensions; "
                    f"missing {missing}, not searched {unknown}"
                )
            for name, value in point.items():
                _check_inside(f"point {number}: {name}", value, self.space.searched[name])
        return self


def _check_inside(where: str, value: float | int | str, dimension: Range | Choice) -> None:
    if isinstance(dimension, Choice):
        if value not in dimension.choices:
            raise ValueError(f"{where} = {value!r} is not one of {list(dimension.choices)}")
    elif isinstance(value, str) or not dimension.low <= value <= dimension.high:
        raise ValueError(f"{where} = {value!r} is outside {dimension.low:g} to {dimension.high:g}")


class ConfirmSettings(Settings):
    """Retraining of the front and of a ladder along cost with fresh seeds: the numbers that carry claims."""

    n_seeds: PositiveInt = 4
    first_seed: NonNegativeInt = Field(1000, description="seeds are first_seed, first_seed + 1, ...")
    max_front: PositiveInt = Field(8, description="at most this many architectures from the search's front")
    n_ladder: NonNegativeInt = Field(4, description="further architectures spread evenly along MD cost")
    controls: tuple[ControlKind, ...] = Field(("paper", "ablation"), min_length=1)
    training: TrainingSettings | None = Field(None, description="omitted: as in the search")


# --- measuring ------------------------------------------------------------------------------------------------------


class StructureSettings(Settings):
    """The material whose supercells are timed: a crystal, a structure file or a frame of the dataset."""

    symbol: str | None = Field(None, description="element of a bulk crystal built by ASE")
    crystal: Literal["fcc", "bcc", "hcp", "diamond", "sc"] = "fcc"
    a_ang: PositiveFloat | None = Field(None, description="lattice constant; omitted: ASE's reference value")
    path: Path | None = Field(None, description="structure file; its first frame is repeated")
    frame: NonNegativeInt | None = Field(None, description="dataset frame that is repeated")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [name for name in ("symbol", "path", "frame") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of symbol, path and frame, got {given or 'none'}")
        return self


class MeasureSettings(Settings):
    """MD step time and capacity."""

    structure: StructureSettings
    engine: EngineName = "explicit"
    n_atoms: PositiveInt = Field(2048, description="atoms of the timed system (nearest supercell)")
    n_steps: PositiveInt = Field(50, ge=5, description="timed steps")
    n_warmup_steps: NonNegativeInt = 10
    timestep_fs: PositiveFloat = 1.0
    temperature_k: PositiveFloat = 300.0
    skin_ang: PositiveFloat = 0.5
    memory_budget_gib: PositiveFloat = Field(
        1.0, description="CPU: memory an MD step may add to the process; a GPU is filled until it is out of memory"
    )
    rel_tol: float = Field(0.02, gt=0, lt=1, description="width of the capacity bracket")
    max_atoms_limit: PositiveInt = Field(20_000_000, description="capacity is not sought beyond this")


class ClusterSettings(Settings):
    """How trials use the machines."""

    address: str | None = Field(None, description="address of a running Ray cluster; omitted: start one here")
    cpus_per_trial: PositiveInt = 1
    gpus_per_trial: NonNegativeFloat = 0.0
    max_concurrent_trials: PositiveInt | None = Field(None, description="omitted: as many as the cluster holds")
    dashboard: bool = True


class StudyConfig(Settings):
    """Everything a study needs; the root of a config file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    description: str = ""
    data: DataSource
    split: SplitSettings = SplitSettings()
    teacher: TeacherSettings = TeacherSettings()
    search: SearchSettings = SearchSettings()
    confirm: ConfirmSettings = ConfirmSettings()
    measure: MeasureSettings
    cluster: ClusterSettings = ClusterSettings()
    device: Literal["cpu", "cuda"] = Field("cpu", description="Ray gives each trial its GPU; choose cards for Ray")

    @model_validator(mode="after")
    def _gpu_is_consistent(self) -> Self:
        on_gpu = self.device != "cpu"
        if on_gpu != (self.cluster.gpus_per_trial > 0):
            raise ValueError(
                f"device is {self.device!r} but cluster.gpus_per_trial is {self.cluster.gpus_per_trial:g}; "
                "a GPU study needs both, a CPU study neither"
            )
        return self

    @model_validator(mode="after")
    def _seeds_are_fresh(self) -> Self:
        first, n_seeds = self.confirm.first_seed, self.confirm.n_seeds
        if first <= self.search.network_seed < first + n_seeds:
            raise ValueError(
                f"search.network_seed {self.search.network_seed} is among the confirmation's seeds {first} to "
                f"{first + n_seeds - 1}; confirm with fresh ones by another confirm.first_seed"
            )
        return self

    @model_validator(mode="after")
    def _schedules_leave_something_without_the_teacher(self) -> Self:
        for training in (self.search.training, self.confirm_training):
            for row in training.schedule:
                if row.weight_energy == row.weight_forces == 0:
                    raise ValueError(
                        f"the schedule's row of epoch {row.epoch} has no energy or force weight to train on"
                    )
            if training.schedule and set(LossWeights.model_fields) & set(self.search.space.searched):
                raise ValueError("a schedule replaces the loss weights, so the space may not search them; fix weight_*")
        return self

    @property
    def confirm_training(self) -> TrainingSettings:
        """Training settings of the confirmation."""
        return self.confirm.training or self.search.training

    @property
    def largest_cutoff_ang(self) -> float:
        """The longest cutoff of any network of the study, for which neighbour tables are built."""
        return max(self.teacher.architecture.dist_hard_max_ang, self.search.space.largest_cutoff_ang)

    def to_plain(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return self.model_dump(mode="json")
