"""The tables of a report: all networks, costs and what went wrong, whose rows the page's script writes, and claims."""

from pareto_search.analysis.claim import Claim
from pareto_search.report.page.elements import Column

NETWORKS = (
    Column("Network", "model_id", kind="id"),
    Column("Role", "role", kind="role"),
    Column("Stage", "stage"),
    Column("Architecture", "label"),
    Column("Weights", "n_weights", kind="whole"),
    Column("Seed", "seed", kind="seed"),
    Column("Loss w", "weight_energy", "E / F / A", kind="loss"),
    Column("Epochs", "n_epochs", kind="whole"),
    Column("Trained", "train_s", "s", kind="whole"),
    Column("Force valid", "valid_force_rmse_ev_per_ang", "meV/Å", kind="number", digits=4, factor=1e3),
    Column("Force test", "test_force_rmse_ev_per_ang", "meV/Å", kind="number", digits=4, factor=1e3),
    Column("Energy test", "test_energy_rmse_ev_per_atom", "meV/atom", kind="number", factor=1e3),
    Column("MD step", "md_us_per_atom_step", "µs/atom", kind="number"),
    Column("Max atoms", "max_atoms", kind="whole"),
    Column("Memory", "bytes_per_atom", "kB/atom", kind="number", factor=1e-3),
    Column("Status", "status", kind="status"),
)

COSTS = (
    Column("Architecture", "label"),
    Column("Engine", "engine"),
    Column("MD step", "us_per_atom_step_median", "µs/atom", kind="number"),
    Column("Quartiles", "us_per_atom_step_q25", "µs/atom", kind="quartiles"),
    Column("Parts of a step", "us_per_atom_model", "neighbours, model, integrator", kind="parts"),
    Column("Atoms timed", "n_atoms", kind="whole"),
    Column("Neighbours", "n_neighbors_mean", "per atom", kind="number"),
    Column("Max atoms", "max_atoms", kind="whole"),
    Column("Smallest that fails", "n_failed", kind="whole"),
    Column("Memory", "bytes_per_atom", "kB/atom", kind="number", factor=1e-3),
    Column("Budget", "budget_gib", "GiB", kind="number"),
    Column("Device", "device"),
)

FAILURES = (
    Column("Network", "model_id", kind="id"),
    Column("Role", "role", kind="role"),
    Column("Stage", "stage"),
    Column("Architecture", "label"),
    Column("Status", "status", kind="status"),
    Column("Epochs", "n_epochs", kind="whole"),
    Column("Reason", "reason"),
)

#: Colours of the parts of a step, in the order of the bar.
PART_COLORS = (("neighbour list", "#56B4E9"), ("model", "#7b8aa1"), ("integrator", "#E69F00"))

#: Columns of every table of the page, by the table's name.
TABLES = {"networks": NETWORKS, "costs": COSTS, "failures": FAILURES}

#: Headings of `claim_cells`.
CLAIM_HEADS = ("Claim", "Paper", "Quantity", "Here (95 % interval)", "From", "Verdict")


def claim_cells(claim: Claim) -> tuple[str, ...]:
    """A claim as a row of a table."""
    return (claim.statement, claim.source, claim.quantity, estimate_text(claim), claim.n, claim.verdict)


def estimate_text(claim: Claim) -> str:
    """Such as "−9.1 (−12.0 to −6.2)"."""
    digits = 2 if abs(claim.estimate) < 3 else 1
    numbers = [claim.estimate, *(claim.ci95 or ())]
    sign = "+" if claim.is_difference else ""
    value, *interval = (f"{number:{sign}.{digits}f}".replace("-", "−") for number in numbers)
    return f"{value} ({interval[0]} to {interval[1]})" if interval else f"{value} (no interval)"
