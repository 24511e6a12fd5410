"""Texts that appear over a point of a figure (Plotly's small HTML subset, escaped)."""

from html import escape

import numpy as np
import pandas as pd

from pareto_search.records import CostRecord
from pareto_search.report.style import look_of

_MAX_IDS = 4


def number(value: float, digits: int = 3, unit: str = "") -> str:
    """The value to some significant digits without an exponent, thin spaces between thousands; "–" if unknown."""
    if not np.isfinite(value):
        return "–"
    magnitude = 0 if value == 0 else int(np.floor(np.log10(abs(value))))
    text = f"{value:,.{max(digits - 1 - magnitude, 0)}f}".replace(",", "\u202f").replace("-", "−")
    return f"{text} {unit}".rstrip()


def whole(value: float | None) -> str:
    """A count with thin spaces between thousands; "–" if unknown."""
    return "–" if value is None or not np.isfinite(value) else f"{value:,.0f}".replace(",", "\u202f")


def spread(mean: float, std: float, unit: str) -> str:
    """Mean ± standard deviation to matching digits."""
    if not np.isfinite(std) or std <= 0:
        return number(mean, 4, unit)
    digits = max(1 - int(np.floor(np.log10(std))), 0)
    return f"{mean:.{digits}f} ± {std:.{digits}f} {unit}"


def network_text(row: pd.Series) -> str:
    """Everything about a seed-averaged network: errors, costs, loss weights, training and ids."""
    kind = "student" if row["role"] == "student" else row["role"]
    if row["role"] == "control":
        kind = f"control, {row['control_kind']}"
    split = "test" if row["split"] == "test" else "validation"
    ids = ", ".join(escape(str(i)) for i in row["model_ids"][:_MAX_IDS])
    more = len(row["model_ids"]) - _MAX_IDS
    lines = [
        f"<b style='color:{look_of(row['role'], row['control_kind']).color}'>{escape(row['label'])}</b>  "
        f"{escape(kind)}{'' if row['role'] == 'teacher' else ', ' + escape(row['stage']) + ' stage'}",
        f"force RMSE ({split})  "
        f"<b>{spread(1e3 * row['force_rmse_ev_per_ang'], 1e3 * row['force_rmse_std_ev_per_ang'], 'meV/Å')}</b>",
        f"test / validation  {number(1e3 * row['test_force_rmse_ev_per_ang'])} / "
        f"{number(1e3 * row['valid_force_rmse_ev_per_ang'])} meV/Å",
        "energy RMSE  "
        f"{spread(1e3 * row['energy_rmse_ev_per_atom'], 1e3 * row['energy_rmse_std_ev_per_atom'], 'meV/atom')}",
        f"MD step  {number(row['md_us_per_atom_step'], 3, 'µs/atom')}",
        f"memory  {number(row['bytes_per_atom'] / 1e3, 3, 'kB/atom')}, max {whole(row['max_atoms'])} atoms",
        f"{whole(row['n_weights'])} weights; loss w_E {row['weight_energy']:.3g}, "
        f"w_F {row['weight_forces']:.3g}, w_A {row['weight_atomic_energy']:.3g}",
        f"{row['n']} seed{'' if row['n'] == 1 else 's'}, {whole(row['n_epochs'])} epochs, "
        f"{whole(row['train_s'])} s each",
        f"<span style='color:#6b7280'>{ids}{f' and {more} more' if more > 0 else ''}</span>",
    ]
    return "<br>".join(lines)


def cost_text(row: pd.Series, record: CostRecord | None) -> str:
    """Cost of an architecture: step time with its parts, capacity with its bracket, and where it was measured."""
    lines = [
        f"<b>{escape(row['label'])}</b>  {whole(row['n_weights'])} weights",
        f"MD step  <b>{number(row['md_us_per_atom_step'], 3, 'µs/atom')}</b>",
        f"memory  <b>{number(row['bytes_per_atom'] / 1e3, 3, 'kB/atom')}</b>, max {whole(row['max_atoms'])} atoms",
        f"<span style='color:#6b7280'>engine {escape(row['engine'] or '–')}, {escape(row['device'] or '–')}</span>",
    ]
    if record is not None:
        md, bracket = record.md, record.capacity.bracket
        failed = "no failure seen" if bracket.n_failed is None else f"{whole(bracket.n_failed)} fails"
        lines[2:2] = [
            f"  neighbours {number(md.us_per_atom_neighbor)}, model {number(md.us_per_atom_model)}, "
            f"integrator {number(md.us_per_atom_integrator)}",
            f"  quartiles {number(md.us_per_atom_step_q25)} – {number(md.us_per_atom_step_q75)}; "
            f"{whole(md.n_atoms)} atoms, {number(md.n_neighbors_mean)} neighbours each",
        ]
        lines.insert(-1, f"  {whole(bracket.n_ok)} fits, {failed}, in {record.capacity.budget_gib:.3g} GiB")
    return "<br>".join(lines)
