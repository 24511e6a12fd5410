"""Synthetic studies with known answers, shaped like the results of a real run."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pareto_search.analysis.networks import clean_models
from pareto_search.config import StudyConfig
from pareto_search.data.dataset_file import DatasetInfo
from pareto_search.data.references import ReferenceEnergies
from pareto_search.data.split import Split
from pareto_search.records import CURVE_COLUMNS, MODEL_COLUMNS, Bracket, Capacity, CostRecord, MdTiming
from pareto_search.report.tables import ReportInput

LADDER = ((12, 8, 1), (12, 16, 2), (16, 20, 2), (24, 12, 2), (32, 20, 2), (32, 32, 3), (48, 20, 3), (64, 32, 3))
TEACHER = (128, 40, 4)
STUDENT_WEIGHTS = {"weight_energy": 1.0, "weight_forces": 30.0, "weight_atomic_energy": 20.0}
CONTROL_WEIGHTS = {
    "paper": {"weight_energy": 1.0, "weight_forces": 10.0, "weight_atomic_energy": 0.0},
    "ablation": {"weight_energy": 1.0, "weight_forces": 30.0, "weight_atomic_energy": 0.0},
}
VERSIONS = {"torch": "2.9.0", "hippynn": "0.1.3", "pareto_search": "0.1.0"}


def n_weights(shape: tuple[int, int, int]) -> int:
    """Weights of a one-interaction-layer HIPNN on one species, about."""
    features, sensitivities, layers = shape
    return features * sensitivities + layers * features * (features + 1) + 4 * features


def us_per_atom(shape: tuple[int, int, int]) -> float:
    return 6.0 + 0.0011 * n_weights(shape) ** 0.98


def bytes_per_atom(shape: tuple[int, int, int]) -> float:
    features, sensitivities, _ = shape
    return 9_000.0 + 22.0 * features * sensitivities


def control_error(shape: tuple[int, int, int]) -> float:
    return 0.034 + 2.1 / n_weights(shape) ** 0.56


def row(model_id: str, shape: tuple[int, int, int], **values: Any) -> dict[str, Any]:
    """A complete row of `models.csv`; `values` replace the defaults."""
    error = values.pop("error", 0.05)
    features, sensitivities, layers = shape
    usual: dict[str, Any] = {
        **dict.fromkeys(MODEL_COLUMNS), **CONTROL_WEIGHTS["paper"], "model_id": model_id, "trial_id": None,
        "n_features": features, "n_sensitivities": sensitivities, "n_atom_layers": layers, "n_interaction_layers": 1,
        "l_max": 1, "dist_hard_max_ang": 7.5, "n_weights": n_weights(shape), "status": "complete", "n_epochs": 240,
        "train_s": 180.0 + 0.01 * n_weights(shape), "seed": 0,
        "valid_force_rmse_ev_per_ang": 0.98 * error, "test_force_rmse_ev_per_ang": error,
        "valid_energy_rmse_ev_per_atom": 0.031 * error, "test_energy_rmse_ev_per_atom": 0.032 * error,
        "test_force_mae_ev_per_ang": 0.75 * error, "test_energy_mae_ev_per_atom": 0.024 * error,
        "md_us_per_atom_step": us_per_atom(shape), "max_atoms": int(1.07e9 / bytes_per_atom(shape)),
        "bytes_per_atom": bytes_per_atom(shape), "engine": "explicit", "device": "NVIDIA RTX A6000, 48 GiB",
        "dataset_hash": "ab12" * 16, "label_hash": "cd34" * 16, "dist_soft_max_ang": 7.0, "activation": "softplus",
        "family": "hipnn", "n_max": 1, "label": "/".join(map(str, shape)),
        "weight_teacher_forces": 0.0, "learning_rate": 1e-3, "batch_size": 64,
    }  # fmt: skip
    return {**usual, **values}


def models(
    *,
    factors: dict[str, float] | None = None,
    student_factor: float = 0.9,
    noise: float = 0.0,
    ladder: tuple[tuple[int, int, int], ...] = LADDER,
    n_seeds: int = 4,
    n_search: int = 0,
    teacher_error: float | None = 0.036,
) -> pd.DataFrame:
    """A study whose students have `student_factor` times the error of a control of factor 1.

    Args:
        factors: Error of each control kind, as a factor; omitted: {"paper": 1.0}.
        student_factor: Error of students, as a factor.
        noise: Relative standard deviation over seeds.
        ladder: Architectures of the confirmation.
        n_seeds: Seeds of the confirmation.
        n_search: Trials of the search, with one pruned, diverged and failed in every ten.
        teacher_error: Force RMSE of the teacher, eV/Å; None: no teacher.
    """
    rng = np.random.default_rng(7)
    factors = {"paper": 1.0} if factors is None else factors
    rows = []
    if teacher_error is not None:
        rows.append(row("teacher", TEACHER, stage="teacher", role="teacher", error=teacher_error, n_epochs=410))
    for number, shape in enumerate(ladder):
        for seed in range(1000, 1000 + n_seeds):
            roles = {"student": student_factor, **factors}
            for kind, factor in roles.items():
                is_student = kind == "student"
                error = factor * control_error(shape) * (1 + noise * rng.standard_normal())
                rows.append(row(
                    f"c{number:02d}-{kind}-s{seed}", shape, stage="confirm",
                    role="student" if is_student else "control",
                    control_kind=None if is_student else kind, seed=seed, error=error, trial_id=number,
                    **(STUDENT_WEIGHTS if is_student else CONTROL_WEIGHTS.get(kind, STUDENT_WEIGHTS)),
                ))  # fmt: skip
    rows += _search_rows(n_search, student_factor, rng)
    return clean_models(pd.DataFrame(rows, columns=list(MODEL_COLUMNS)))


def _search_rows(n_trials: int, student_factor: float, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for trial in range(n_trials):
        shape = (int(rng.integers(12, 100)), int(rng.integers(8, 40)), int(rng.integers(1, 5)))
        fate = {3: "pruned", 6: "diverged", 9: "failed"}.get(trial % 10, "complete")
        for role, factor in (("student", student_factor), ("control", 1.0)):
            values: dict[str, Any] = {
                "stage": "search", "role": role, "control_kind": None if role == "student" else "paper",
                "error": 1.06 * factor * control_error(shape) * (1 + 0.04 * rng.standard_normal()), "trial_id": trial,
                **(STUDENT_WEIGHTS if role == "student" else CONTROL_WEIGHTS["paper"]),
            }  # fmt: skip
            if fate != "complete":
                reasons = {"pruned": "rung 27: rank 5", "diverged": "the loss became non-finite in epoch 3",
                           "failed": "the process ended with signal 9 <out of memory?>"}  # fmt: skip
                values |= {"status": fate, "reason": reasons[fate], "test_force_rmse_ev_per_ang": None,
                           "test_energy_rmse_ev_per_atom": None, "n_epochs": 27}  # fmt: skip
            rows.append(row(f"t{trial:03d}-{role}", shape, **values))
    return rows


def curves(frame: pd.DataFrame, n_epochs: int = 240) -> pd.DataFrame:
    """Learning curves that end at the models' errors; students learn faster."""
    rng = np.random.default_rng(11)
    parts = []
    epochs = np.arange(1, n_epochs + 1)
    zeros = {name: np.zeros(n_epochs) for name in CURVE_COLUMNS[1:]}
    for _, model in frame[frame["status"] == "complete"].iterrows():
        rate = 0.035 if model["role"] == "student" else 0.022
        shape = 1 + 6 * np.exp(-rate * epochs) + 0.03 * rng.standard_normal(n_epochs).cumsum() / np.sqrt(epochs)
        error = model["valid_force_rmse_ev_per_ang"]
        parts.append(pd.DataFrame({
            "model_id": model["model_id"], **zeros, "epoch": epochs,
            "train_force_rmse_ev_per_ang": 0.9 * error * shape,
            "valid_force_rmse_ev_per_ang": error * np.maximum(shape, 1),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(CURVE_COLUMNS))


def costs(frame: pd.DataFrame) -> list[CostRecord]:
    """The cost table of the architectures of a study."""
    shapes = frame[["n_features", "n_sensitivities", "n_atom_layers"]].drop_duplicates()
    return [cost((int(a), int(b), int(c))) for a, b, c in shapes.itertuples(index=False)]


def with_liquid(data: ReportInput, *, power: float = 1.0, n_unstable: int = 0) -> ReportInput:
    """The same study with the liquid's g(r): RDF errors are about a power of force errors, and the teacher's is known.

    Args:
        data: The study.
        power: Of the relation between the errors.
        n_unstable: Confirmed networks whose MD went wrong.
    """
    rng = np.random.default_rng(5)
    models = data.models.copy()
    is_measured = (models["stage"] == "confirm").to_numpy().copy()
    is_measured[np.flatnonzero(is_measured)[:n_unstable]] = False
    errors = models.loc[is_measured, "test_force_rmse_ev_per_ang"].to_numpy(dtype=float)
    models.loc[is_measured, "rdf_error"] = 3 * errors**power * np.exp(0.05 * rng.standard_normal(len(errors)))
    models.loc[is_measured, "rdf_error_std"] = 0.01
    models.loc[is_measured, "rdf_noise"] = 0.02
    models.loc[is_measured | (models["stage"] == "teacher"), "nve_drift_ev_per_atom_ps"] = 2e-5
    models.loc[models["stage"] == "confirm", "md_stable_ps"] = 3.0
    models.loc[is_measured, "md_stable_ps"] = 27.0
    models.loc[models["stage"] == "confirm", "md_asked_ps"] = 27.0
    r = np.arange(0.05, 8.0, 0.1)
    g = np.where(r > 2.2, 1 + 1.8 * np.exp(-0.6 * (r - 2.8)) * np.cos(2 * np.pi * (r - 2.8) / 2.4), 0.0)
    measured = models[is_measured]
    shifts = {"teacher": 0.0, **dict(zip(measured["model_id"], measured["rdf_error"] / 8, strict=True))}
    curves = [pd.DataFrame({"model_id": name, "r_ang": r, "g": g + shift * np.sin(r), "g_std": 0.01})
              for name, shift in shifts.items()]  # fmt: skip
    return replace(data, models=models, rdf=pd.concat(curves, ignore_index=True))


def cost(shape: tuple[int, int, int], engine: str = "explicit") -> CostRecord:
    """Cost of one architecture."""
    us, per_atom = us_per_atom(shape), bytes_per_atom(shape)
    n_ok = int(1.07e9 / per_atom)
    architecture = dict(zip(("n_features", "n_sensitivities", "n_atom_layers"), shape, strict=True))
    md = MdTiming(
        n_atoms=48_000, n_neighbors_mean=106.2, density_g_per_cm3=2.7, n_steps=1000, n_warmup_steps=20, timestep_fs=1.0,
        skin_ang=1.0, n_list_builds=9, us_per_atom_step_median=us, us_per_atom_step_q25=0.985 * us,
        us_per_atom_step_q75=1.02 * us, us_per_atom_neighbor=1.6, us_per_atom_model=us - 2.1,
        us_per_atom_integrator=0.5, us_per_atom_steps=(us,) * 5,
    )  # fmt: skip
    return CostRecord(
        key=f"{shape}-{engine}",
        architecture={**architecture, "n_interaction_layers": 1, "l_max": 1, "dist_hard_max_ang": 7.5,
                      "dist_soft_max_ang": 7.0, "activation": "softplus", "family": "hipnn", "n_max": 1},
        label="/".join(map(str, shape)), cutoff_ang=7.5,
        engine=engine, dtype="float32", device="NVIDIA RTX A6000, 48 GiB", versions=VERSIONS, md=md,
        capacity=Capacity(Bracket(n_ok, int(1.015 * n_ok)), per_atom, 1.0, 0.3, ((n_ok, 10**9),)),
    )  # fmt: skip


def with_weights(data: ReportInput) -> ReportInput:
    """The same study with its students at two more weights of the teacher's atomic energies."""
    is_student = data.models["role"] == "student"
    more = [
        data.models[is_student].assign(
            model_id=data.models["model_id"] + f"-{weight:g}",
            weight_atomic_energy=weight,
            test_force_rmse_ev_per_ang=data.models["test_force_rmse_ev_per_ang"] * factor,
        )
        for weight, factor in ((1.0, 1.05), (300.0, 1.2))
    ]
    return replace(data, models=pd.concat([data.models, *more], ignore_index=True))


def report_input(
    name: str = "aluminum-demo", *, data_source: str = "ani-h5", curve_epochs: int = 240, **study: Any
) -> ReportInput:
    """A whole report's input; `study` goes to `models`."""
    frame = models(**study)
    config = StudyConfig.model_validate({
        "name": "study", "description": "Students of an ANI-Al teacher on one A6000.", "device": "cuda",
        "cluster": {"gpus_per_trial": 1}, "split": {"kind": "random", "seed": 0},
        "data": {"source": data_source, **({"path": "ani-al/"} if data_source == "ani-h5" else {})},
        "measure": {"engine": "explicit", "n_atoms": 48000, "rel_tol": 0.02, "structure": {"symbol": "Al"}},
    })  # fmt: skip
    return ReportInput(
        config=config.model_copy(update={"name": name}),  # which some tests give a name that a file could not have
        models=frame,
        curves=curves(frame, curve_epochs),
        costs=costs(frame),
        dataset=dataset_info(),
    )


def dataset_info() -> DatasetInfo:
    """What `dataset.json` would say of the study's data."""
    return DatasetInfo(
        dataset_hash="ab12" * 16, split_hash="ba21" * 16, references=ReferenceEnergies({13: -6.5}),
        split=Split(np.arange(5081), np.arange(5081, 5716), np.arange(5716, 6352), kind="random", seed=0),
        summary={
            "n_frames": 6352, "n_atoms": 744_061, "elements": {"Al": 744_061},
            "histograms": {"force_ev_per_ang": {"counts": [5, 9, 2], "edges": [0.0, 1.0, 2.0, 3.0]}},
        },
        notes={"force_sign": "Stored as gradients; the sign was turned (correlation with EMT: 0.93)."},
    )  # fmt: skip
