"""Plain records that travel between rooms: no behaviour beyond conversion, units in the names."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Literal, Self

from pydantic import TypeAdapter

#: Value of a hyperparameter.
Scalar = float | int | str
Stage = Literal["teacher", "search", "confirm"]
Role = Literal["teacher", "student", "control"]
Status = Literal["complete", "pruned", "diverged", "failed"]


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """One trained network: a row of `models.csv`, in its column order. None: the column does not apply.

    An external teacher has no family, hyperparameters or loss weights; `label` and `engine` are its calculator's name.

    Attributes:
        family: Family of potentials, as in the config file; empty for an external teacher.
        label: Short name of the architecture.
        hyperparameters: Those of the family, by name; each is a column of `models.csv`.
        dist_hard_max_ang: Cutoff of the network, whatever its family calls it.
    """

    model_id: str
    trial_id: int | None = None
    stage: Stage
    role: Role
    control_kind: str | None = None
    seed: int
    family: str
    label: str
    hyperparameters: dict[str, Scalar]
    dist_hard_max_ang: float | None = None
    n_weights: int | None = None
    weight_energy: float | None = None
    weight_forces: float | None = None
    weight_atomic_energy: float | None = None
    status: Status
    reason: str | None = None
    n_epochs: int | None = None
    train_s: float | None = None
    valid_force_rmse_ev_per_ang: float | None = None
    valid_energy_rmse_ev_per_atom: float | None = None
    test_force_rmse_ev_per_ang: float | None = None
    test_energy_rmse_ev_per_atom: float | None = None
    test_force_mae_ev_per_ang: float | None = None
    test_energy_mae_ev_per_atom: float | None = None
    md_us_per_atom_step: float | None = None
    max_atoms: int | None = None
    bytes_per_atom: float | None = None
    rdf_error: float | None = None
    engine: str | None = None
    device: str | None = None
    dataset_hash: str | None = None
    label_hash: str | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    weight_teacher_forces: float = 0.0
    generation: int | None = None
    rdf_error_std: float | None = None
    rdf_noise: float | None = None
    nve_drift_ev_per_atom_ps: float | None = None
    md_stable_ps: float | None = None
    md_asked_ps: float | None = None

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping that may hold further keys."""
        return cls(**{f.name: values.get(f.name, None if f.default is MISSING else f.default) for f in fields(cls)})

    def to_plain(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def to_row(self) -> dict[str, Scalar | None]:
        """Column of `models.csv` to value: `MODEL_COLUMNS`, then further hyperparameters."""
        known = {**self.hyperparameters, **vars(self)}
        del known["hyperparameters"]
        return {name: known.get(name) for name in MODEL_COLUMNS} | known

    @property
    def architecture_key(self) -> str:
        """What identifies the architecture."""
        return architecture_key(self.family, self.hyperparameters)


#: What MD of the liquid gives, which is measured after a network's record was written: Σ|g − g_teacher| Δr in Å, its
#: standard error, the value that noise alone would give it, energy drift, for how long the dynamics stayed sane, and
#: how long it was to be.
LIQUID_COLUMNS = ("rdf_error", "rdf_error_std", "rdf_noise", "nve_drift_ev_per_atom_ps", "md_stable_ps", "md_asked_ps")

#: A g(r) of the liquid, a row for each distance; `g_std` is the standard error.
RDF_COLUMNS = ("model_id", "r_ang", "g", "g_std")

#: Fields of a network's record, which are columns but for `hyperparameters`, each of which is one.
MODEL_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(ModelRecord))
_LATER_FIELDS = MODEL_FIELDS[MODEL_FIELDS.index("label_hash") + 1 :]
#: Columns of `models.csv`, in order; hyperparameters that are not among them follow.
MODEL_COLUMNS: tuple[str, ...] = (
    *MODEL_FIELDS[: MODEL_FIELDS.index("family")],
    "n_features", "n_sensitivities", "n_atom_layers", "n_interaction_layers", "l_max",
    *MODEL_FIELDS[MODEL_FIELDS.index("dist_hard_max_ang") : MODEL_FIELDS.index("label_hash") + 1],
    "dist_soft_max_ang", "activation", *_LATER_FIELDS[: _LATER_FIELDS.index("rdf_error_std")], "family", "n_max",
    *_LATER_FIELDS[_LATER_FIELDS.index("rdf_error_std") :], "label",
)  # fmt: skip
#: What a column that an older version did not write stands for, where that is something.
MODEL_DEFAULTS: dict[str, str | float] = {
    f.name: f.default for f in fields(ModelRecord) if f.default is not MISSING and f.default is not None
}


#: Hyperparameters that older tables did not write, and their values in all networks for which nothing else was set.
_UNWRITTEN: dict[str, Scalar] = {"cusp_reg": 1e-6, "dist_soft_min_ang": 1.5}


def architecture_key(family: str, hyperparameters: Mapping[str, Scalar | None]) -> str:
    """Text that two networks share if and only if they are of one architecture; empty for an external teacher.

    Args:
        family: Family of potentials.
        hyperparameters: By name; those that are None, or have the value that older tables left out, do not count.
    """
    known = sorted((k, v) for k, v in hyperparameters.items() if v is not None and v != _UNWRITTEN.get(k))
    return " ".join([family, *(f"{name}={_plain_number(value)}" for name, value in known)]) if known else ""


def _plain_number(value: Scalar) -> str:
    """A text as it is, a number without its rounding."""
    return value if isinstance(value, str) else f"{round(float(value), 6):.12g}"


@dataclass(frozen=True)
class CurvePoint:
    """One epoch of one network's training: a row of `curves.csv` (which adds `model_id` in front)."""

    epoch: int
    train_force_rmse_ev_per_ang: float
    train_energy_rmse_ev_per_atom: float
    valid_force_rmse_ev_per_ang: float
    valid_energy_rmse_ev_per_atom: float
    train_loss: float
    valid_loss: float
    train_loss_energy: float
    train_loss_forces: float
    train_loss_atomic_energy: float
    train_loss_l2: float
    train_loss_hierarchicality: float
    learning_rate: float
    weight_energy: float
    weight_forces: float
    weight_atomic_energy: float
    seconds: float
    train_loss_teacher_forces: float = 0.0
    weight_teacher_forces: float = 0.0


#: Columns of `curves.csv`, in order.
CURVE_COLUMNS: tuple[str, ...] = ("model_id", *(f.name for f in fields(CurvePoint)))


EventKind = Literal[
    "stage_began", "stage_ended", "trial_began", "costs_known", "training", "epoch", "paused", "trial_ended",
    "network_ended", "liquid_ended",
]  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happened in a run, as its driver noted it: a row of `events.csv`. None: does not apply.

    Attributes:
        at_s: Unix time, given by the journal; a clock may be set back, so the order is that of the rows.
        kind: What happened; `training` is the start of a trial's stint on a worker.
        stage: The stage of the run, of events that belong to no trial.
        model_id: The network that ended, or whose MD of the liquid did.
        status: How a trial or network ended.
        epoch: Epochs trained.
        seconds: That measuring the costs, training the network or its MD of the liquid took.
        n_planned: Networks that a stage is to train.
        text: A trial's parameters as JSON when it begins; otherwise the reason.
    """

    at_s: float = field(default=0.0, kw_only=True)
    kind: EventKind
    stage: str | None = None
    trial_id: int | None = None
    model_id: str | None = None
    status: str | None = None
    epoch: int | None = None
    valid_force_rmse_ev_per_ang: float | None = None
    seconds: float | None = None
    n_planned: int | None = None
    text: str | None = None


#: Columns of `events.csv`, in order.
EVENT_COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(Event))


@dataclass(frozen=True)
class Bracket:
    """Result of a search for the largest that fits: the largest seen to fit and the smallest seen to fail.

    `n_failed` is None when even the limit fitted.
    """

    n_ok: int
    n_failed: int | None


@dataclass(frozen=True)
class MdTiming:
    """MD step times of one network: medians and quartiles over the timed steps."""

    n_atoms: int
    n_neighbors_mean: float
    density_g_per_cm3: float
    n_steps: int
    n_warmup_steps: int
    timestep_fs: float
    skin_ang: float
    n_list_builds: int
    us_per_atom_step_median: float
    us_per_atom_step_q25: float
    us_per_atom_step_q75: float
    us_per_atom_neighbor: float
    us_per_atom_model: float
    us_per_atom_integrator: float
    us_per_atom_steps: tuple[float, ...] = field(repr=False)
    is_compiled: bool = False


@dataclass(frozen=True)
class Capacity:
    """The largest system whose MD step fits the device.

    The memory per atom is the mean over that system: a slope through the sizes tried would rest on neighbours a few
    percent apart, or on small systems whose memory is scratch that does not grow.
    """

    bracket: Bracket
    bytes_per_atom: float  # memory an MD step of the largest fitting system needs, over its atoms
    budget_gib: float
    baseline_gib: float
    probes: tuple[tuple[int, int | None], ...] = field(repr=False)  # (atoms, bytes used or None where it failed)

    @property
    def max_atoms(self) -> int:
        """Largest number of atoms seen to fit."""
        return self.bracket.n_ok


@dataclass(frozen=True)
class CostRecord:
    """Cost of one architecture on one device; weights and seeds do not change it.

    `is_fallback`: it should have run compiled, but compiling failed.
    """

    key: str
    architecture: dict[str, Any]
    label: str
    cutoff_ang: float
    engine: str
    dtype: str
    device: str
    versions: dict[str, str]
    md: MdTiming
    capacity: Capacity
    is_fallback: bool = False

    @property
    def architecture_key(self) -> str:
        """What identifies the architecture, as in `ModelRecord`."""
        return architecture_key(str(self.architecture["family"]), {**self.architecture, "family": None})

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "CostRecord":
        """Build from the JSON form."""
        return _COST_RECORD.validate_python(values)

    def to_plain(self) -> dict[str, object]:
        """JSON form."""
        return asdict(self)

    def values(self) -> dict[str, float]:
        """What it costs, by column of a network's record."""
        return {
            "md_us_per_atom_step": self.md.us_per_atom_step_median,
            "max_atoms": self.capacity.max_atoms,
            "bytes_per_atom": self.capacity.bytes_per_atom,
        }


#: Made once: that takes far longer than to use it.
_COST_RECORD = TypeAdapter(CostRecord)
