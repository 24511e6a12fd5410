"""What limits the claims of a study, in words."""

from collections.abc import Iterator

import numpy as np

from pareto_search.analysis.paired import MIN_ARCHITECTURES, MIN_PAIRS, MIN_SEEDS
from pareto_search.config import TAUGHT_CONTROLS, EmtAluminumSource, ExternalTeacher, TeacherMdSource
from pareto_search.report.numbers import count, signed, split_name
from pareto_search.report.tables import ReportedStudy

#: Errors on two splits that differ by more than this factor are worth a word.
_UNEVEN = 2.0


def cautions(study: ReportedStudy) -> Iterator[str]:
    """Each limit that applies, most important first."""
    for rule in (_data, _unconfirmed, _teacher, _too_few, _winners_curse, _failed, _costs, _split):
        yield from rule(study)


def _data(study: ReportedStudy) -> Iterator[str]:
    summary, data = study.summary, study.data
    notes = "" if data.dataset is None else str(data.dataset.notes)
    is_emt = data.config is not None and isinstance(data.config.data, EmtAluminumSource)
    if is_emt or "demonstration" in notes.lower():
        yield (
            "The data come from a demonstration potential (EMT), not from quantum chemistry. The figures show that "
            "the method runs; nothing about the real material follows from them."
        )
    if data.config is None:
        return
    if isinstance(data.config.data, TeacherMdSource):
        yield (
            "The frames, energies and forces are the teacher's own: errors measure how far students are from it, not "
            "from quantum chemistry or experiment. Where the teacher errs, so do they."
        )
    if isinstance(data.config.teacher, ExternalTeacher):
        n_atoms = data.config.measure.n_atoms
        n_atoms_timed = min(data.config.teacher.n_atoms_timed, n_atoms)
        yield (
            f"The teacher's MD step was timed with about {n_atoms_timed} atoms, those of students with about {n_atoms}."
        )
        if summary.reference is not None and summary.reference.origin == "networks":
            yield (
                "The teacher gives no reference point, for its memory was not measured or it has no error: "
                "hypervolumes are taken from the values of the worst network."
            )


def _unconfirmed(study: ReportedStudy) -> Iterator[str]:
    summary = study.summary
    if summary.basis.reason is None or summary.n_architectures == 0:
        return
    yield (
        f"These numbers come from the {summary.basis.stage} stage on the {split_name(summary.basis)} split, because "
        f"{summary.basis.reason}. Networks were chosen by the same errors, so they look better than they are."
    )


def _teacher(study: ReportedStudy) -> Iterator[str]:
    summary = study.summary
    teacher = summary.teacher
    if teacher is not None and teacher.is_clearly_better_than_controls is False:
        yield (
            "The teacher is not clearly more accurate than the controls, so its atomic energies carry little that "
            "the data do not. A better teacher may change the result."
        )
    headline = summary.headline
    if headline is None or not headline.paired_force_rmse.is_better:
        return
    untaught = [c for c in summary.comparisons[1:] if c.control_kind not in TAUGHT_CONTROLS]
    for comparison in (c for c in untaught if c.paired_force_rmse.n and not c.paired_force_rmse.is_better):
        verb = "reverses" if comparison.paired_force_rmse.is_worse else "vanishes"
        cause = "the loss weights rather than" if comparison.control_kind == "ablation" else "tuning rather than"
        yield (
            f"The gain {verb} against the {comparison.control_kind} controls. It may come from {cause} from the "
            "teacher's atomic energies."
        )
    if len(summary.comparisons) == 1 and headline.control_kind == "paper":
        yield (
            "Only the paper's controls were trained. They also differ from the students in their loss weights, so the "
            "gain cannot be put down to the teacher alone; add ablation controls."
        )


def _too_few(study: ReportedStudy) -> Iterator[str]:
    headline = study.summary.headline
    if headline is None or headline.paired_force_rmse.n == 0:
        return
    paired = headline.paired_force_rmse
    if not paired.is_conclusive:
        yield (
            f"With {paired.n_distinct} pairs nothing can be concluded: at least {MIN_PAIRS} are needed "
            f"({MIN_SEEDS} of a single architecture), better 20 or more."
        )
    if paired.n_architectures < MIN_ARCHITECTURES:
        compared = "one architecture was" if paired.n_architectures == 1 else "two architectures were"
        yield f"Only {compared} compared: intervals are over seeds, and nothing follows for other sizes."
    elif paired.n_architectures < 5:
        yield (
            f"With {paired.n_architectures} architectures the intervals of errors are wide: each counts once, however "
            "many seeds it has."
        )
    if paired.n_seeds == 1:
        yield "One seed per network: the spread between seeds is not known, and error bars are missing."


def _winners_curse(study: ReportedStudy) -> Iterator[str]:
    found, has_chosen = study.summary.winners_curse, (study.tables.searched["stage"] == "search").any()
    if found is None or found.ci95_percent is None or not has_chosen:
        return
    low, high = found.ci95_percent
    side = "above" if found.mean_percent > 0 else "below"
    interval = f"{signed(low, 1)} to {signed(high, 1)} %"
    text = (
        "The search chose its points by the errors that they show. Retrained with new seeds, "
        f"{found.n} students of its front have a validation force RMSE {abs(found.mean_percent):.1f} % {side} what the "
        f"search found (95 % interval {interval})"
    )
    if found.epochs_ratio > 1.05:
        text += f", though they trained for {found.epochs_ratio:.1f} times as many epochs"
    yield f"{text}: {'its errors are too low' if low > 0 else 'whether its errors are too low is not sure'}."


def _failed(study: ReportedStudy) -> Iterator[str]:
    tables = study.tables
    confirm = tables.models[tables.models["stage"] == "confirm"]
    lost = confirm[confirm["status"].isin(["diverged", "failed"])]
    if len(lost):
        by_role = ", ".join(count(n, str(role)) for role, n in lost["role"].value_counts().items())
        yield f"Of the confirmation, {by_role} diverged or failed and are missing from the averages."
    tried = tables.models[(tables.models["stage"] == tables.basis.stage) & tables.models["md_asked_ps"].notna()]
    went_wrong = tried["md_stable_ps"] < tried["md_asked_ps"]
    if went_wrong.any():
        names = tried["control_kind"].str.cat(tried["role"] + "s", sep=" ").str.strip()
        by_kind = (f"{part.sum()} of {len(part)} {name}" for name, part in went_wrong.groupby(names, sort=False))
        yield (
            f"MD of the liquid went wrong with {', '.join(by_kind)}: they are missing from the comparison of g(r). "
            "Their records hold after how many ps."
        )


def _costs(study: ReportedStudy) -> Iterator[str]:
    data, tables = study.data, study.tables
    devices = sorted({device for device in tables.models["device"] if device})
    if len(devices) > 1:
        yield f"Costs come from several devices ({'; '.join(devices)}) and can only be compared within one."
    of_networks = tables.models.loc[tables.models["architecture_key"] != "", "engine"]
    engines = sorted({engine for engine in of_networks if engine})
    if len(engines) > 1:
        yield f"Costs come from several engines ({', '.join(engines)}); part of a difference may be the engine's."
    if tables.networks["md_us_per_atom_step"].isna().all():
        yield "No step time is stored, so nothing can be concluded about speed."
    if is_capacity_flat(study):
        yield (
            "Capacity barely depends on the architecture here: the largest systems that fit differ by less than the "
            "measurement's bracket. The cutoff and the neighbour list decide it."
        )
    if any(record.capacity.bracket.n_failed is None for record in data.costs):
        yield "Some capacities reached the measurement's limit, so they are lower bounds."


def _split(study: ReportedStudy) -> Iterator[str]:
    data, tables = study.data, study.tables
    kind = None if data.config is None else data.config.split.kind
    if kind == "random":
        yield (
            "The split is random: test frames resemble training frames, so errors on new kinds of structures may be "
            "larger."
        )
    if kind == "source":
        yield "The split is by source: test frames come from sources that no network was trained on."
    valid, test = (tables.models[f"{split}_force_rmse_ev_per_ang"] for split in ("valid", "test"))
    ratios = (valid / test)[(valid > 0) & (test > 0)]
    ratio = float(ratios.median()) if len(ratios) else 1.0
    if 1 / _UNEVEN <= ratio <= _UNEVEN:
        return
    hard, other = ("validation", "test") if ratio > 1 else ("test", "validation")
    yield (
        f"The force RMSE on the {hard} split is {max(ratio, 1 / ratio):.1f} times that on the {other} split (median of "
        f"{len(ratios)} networks): it has harder frames, or a few that carry most of it. The search goes by the "
        "validation split."
    )


def is_capacity_flat(study: ReportedStudy) -> bool:
    """True if `max_atoms` varies over the architectures by less than its own bracket is wide."""
    data, tables = study.data, study.tables
    atoms = tables.models.loc[tables.models["max_atoms"] > 0].drop_duplicates("architecture")["max_atoms"].to_numpy()
    if len(atoms) < 2:
        return False
    brackets = [record.capacity.bracket for record in data.costs]
    widths = [found.n_failed / found.n_ok - 1 for found in brackets if found.n_failed is not None and found.n_ok > 0]
    width = max(widths, default=0.02 if data.config is None else data.config.measure.rel_tol)
    return bool(np.max(atoms) / np.min(atoms) - 1 <= width)
