import numpy as np
import pandas as pd
import pytest

from pareto_search.analysis.claim import Claim, verdict_of
from pareto_search.analysis.claims import paper_claims
from pareto_search.analysis.networks import claim_basis, clean_models
from pareto_search.analysis.study_summary import summarize_study
from pareto_search.records import CURVE_COLUMNS
from pareto_search.report.page.page_tables import estimate_text
from tests.report.synthetic import LADDER, STUDENT_WEIGHTS, TEACHER, row

RNG = np.random.default_rng(0)
SHAPES = LADDER[:6]


def _models(student: float, *, energy: float = 1.0, rdf: float = 1.0, noise: float = 0.01) -> pd.DataFrame:
    """Students whose errors are so many times those of their controls of each size and seed."""
    rows = [row("teacher", TEACHER, stage="teacher", role="teacher", error=0.03)]
    for number, shape in enumerate(SHAPES):
        for seed in range(4):
            error = 0.1 - 0.01 * number
            rows.append(row(
                f"paper-{shape}-{seed}", shape, stage="confirm", role="control", control_kind="paper", seed=seed,
                error=error, rdf_error=10 * error,
            ))  # fmt: skip
            student_error = student * error * (1 + noise * RNG.normal())
            rows.append(row(
                f"student-{shape}-{seed}", shape, stage="confirm", role="student", seed=seed, error=student_error,
                test_energy_rmse_ev_per_atom=0.032 * energy * error, rdf_error=10 * rdf * error, **STUDENT_WEIGHTS,
            ))  # fmt: skip
    return pd.DataFrame(rows)


def _curves(models: pd.DataFrame, rate: float, scatter: float) -> pd.DataFrame:
    """Errors that fall exponentially over 60 epochs; students at `rate` times the controls' pace and scatter."""
    rows = []
    for model_id, role in zip(models["model_id"], models["role"], strict=True):
        pace, spread = (rate, scatter) if role == "student" else (1.0, 1.0)
        for epoch in range(1, 61):
            error = (0.02 + np.exp(-pace * epoch / 15)) * np.exp(0.02 * spread * RNG.normal())
            rows.append({"model_id": model_id, "epoch": epoch, "valid_force_rmse_ev_per_ang": error})
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def _claims(models: pd.DataFrame, curves: pd.DataFrame | None = None) -> dict[str, Claim]:
    curves = pd.DataFrame(columns=list(CURVE_COLUMNS)) if curves is None else curves
    models = clean_models(models)
    return {claim.name: claim for claim in paper_claims(models, curves, claim_basis(models))}


@pytest.mark.parametrize(("factor", "verdict"), [(0.9, "holds"), (1.1, "does not hold")])
def test_accuracy_is_decided_by_its_interval(factor, verdict):
    claim = _claims(_models(factor))["force, paper"]
    assert claim.verdict == verdict
    assert claim.estimate == pytest.approx(100 * (factor - 1), abs=1.0)
    assert claim.ci95[0] < claim.estimate < claim.ci95[1]
    assert claim.n == "24 pairs, 6 architectures"


def test_an_interval_that_holds_zero_or_few_pairs_decide_nothing():
    assert verdict_of((-1.0, 0.1), is_below=True) == "not sure"
    assert verdict_of((-1.0, -0.1), is_below=True, is_enough=False) == "not sure"
    assert verdict_of(None, is_below=True) == "not sure"
    assert verdict_of((0.2, 0.9), is_below=False) == "holds"
    assert verdict_of((-0.9, -0.2), is_below=False) == "does not hold"


def test_energy_and_liquid_are_claims_of_their_own():
    claims = _claims(_models(0.8, energy=0.98, rdf=1.2))
    assert (claims["energy, paper"].estimate, claims["energy, paper"].verdict) == (pytest.approx(-2), "holds")
    assert claims["energy gains less, paper"].verdict == "holds"
    assert claims["energy gains less, paper"].estimate == pytest.approx(-18, abs=1.5)
    assert claims["RDF, paper"].verdict == "does not hold"
    assert claims["RDF follows force"].ci95[0] < 0.5
    assert claims["RDF follows force"].verdict == "not sure"  # a correlation, but not surely a strong one
    assert _claims(_models(0.8, rdf=0.8))["RDF follows force"].verdict == "holds"
    assert _claims(_models(0.8, energy=0.5))["energy gains less, paper"].verdict == "does not hold"


def test_what_the_loss_weights_do_alone_is_told_of_controls():
    models = _models(0.9)
    assert "force, loss weights alone" not in _claims(models)
    ablation = models[models["role"] == "student"].assign(role="control", control_kind="ablation")
    ablation = ablation.assign(model_id="ablation-" + ablation["model_id"], weight_atomic_energy=0.0)
    ablation["test_force_rmse_ev_per_ang"] *= 0.8 / 0.9
    claims = _claims(pd.concat([models, ablation]))
    alone = claims["force, loss weights alone"]
    assert (alone.estimate, alone.verdict) == (pytest.approx(-20, abs=1), "holds")
    assert claims["energy gains less, ablation"].verdict == "does not hold"  # forces lose, energies are the same
    assert claims["force, ablation"].estimate == pytest.approx(12.5, abs=0.1)


def test_rdf_errors_that_follow_the_size_alone_do_not_follow_the_force_error_within_it():
    models = _models(0.9, noise=0.0)
    is_network = models["role"] != "teacher"
    rdf = models["rdf_error"] * np.exp(0.3 * RNG.normal(size=len(models)))
    scattered = models.assign(rdf_error=rdf.where(is_network))
    force = scattered["test_force_rmse_ev_per_ang"] * np.exp(0.02 * RNG.normal(size=len(models)))
    claims = _claims(scattered.assign(test_force_rmse_ev_per_ang=force.where(is_network, 0.03)))
    assert claims["RDF follows force"].estimate > 0.4
    assert claims["RDF follows force within architectures"].verdict == "not sure"
    both = models.assign(rdf_error=np.exp(0.3 * RNG.normal(size=len(models))))
    both["test_force_rmse_ev_per_ang"] = 0.1 * both["rdf_error"]
    claim = _claims(both)["RDF follows force within architectures"]
    assert (claim.verdict, claim.n) == ("holds", "48 networks, 6 architectures")
    is_single = (both["n_features"] == SHAPES[0][0]) & (both["n_sensitivities"] == SHAPES[0][1])
    rest = both.assign(rdf_error=both["rdf_error"].mask(is_single & (both["model_id"] != "student-(12, 8, 1)-0")))
    claims = _claims(rest)
    assert claims["RDF follows force"].n == "41 networks, 6 architectures"
    assert claims["RDF follows force within architectures"].n == "40 networks, 5 architectures"


def test_with_several_label_weights_claims_are_of_the_papers():
    models = _models(0.9)
    is_student = models["role"] == "student"
    alone = models.assign(weight_atomic_energy=models["weight_atomic_energy"].mask(is_student, 100.0))
    good = alone[is_student].assign(weight_atomic_energy=1.0, model_id=alone["model_id"] + "-1")
    good["test_force_rmse_ev_per_ang"] *= 0.5
    assert _claims(alone)["force, paper"].n == "24 pairs, 6 architectures"
    claim = _claims(pd.concat([alone, good]))["force, paper"]
    assert claim.n == "24 pairs, 6 architectures, w_A 100"
    assert claim.estimate == _claims(alone)["force, paper"].estimate
    assert _claims(pd.concat([alone, good]))["step time grows, explicit"].n == "7 architectures"
    is_small = alone["n_features"] == SHAPES[0][0]
    mixed = alone.assign(weight_atomic_energy=alone["weight_atomic_energy"].mask(is_student & is_small, 20.0))
    assert _claims(pd.concat([mixed, good]))["force, paper"].n == "24 pairs, 6 architectures"


def test_pairs_lost_because_md_went_wrong_are_counted():
    models = _models(0.8, rdf=1.2).assign(md_asked_ps=9.0)
    assert "pairs" not in _claims(models)["RDF, paper"].statement
    is_lost = (models["role"] == "control") & (models["seed"] == models["seed"].max())
    models["rdf_error"] = models["rdf_error"].mask(is_lost)
    assert "(without 6 of 24 pairs, in which MD went wrong)" in _claims(models)["RDF, paper"].statement


def test_what_was_not_measured_is_no_claim():
    models = _models(0.9).assign(rdf_error=np.nan)
    names = set(_claims(models))
    assert not {"RDF, paper", "RDF follows force", "learns faster, paper", "Born Again, force"} & names


def test_learning_curves_tell_of_pace_start_and_scatter():
    models = _models(0.9)
    claims = _claims(models, _curves(models, rate=2.0, scatter=0.3))
    faster = claims["learns faster, paper"]
    assert (faster.verdict, claims["first epoch, paper"].verdict) == ("holds", "holds")
    assert -75 < faster.estimate < -30  # half the epochs, in percent of the control's
    first_errors = [0.02 + np.exp(-rate / 15) for rate in (2.0, 1.0)]
    assert claims["first epoch, paper"].estimate == pytest.approx(100 * (first_errors[0] / first_errors[1] - 1), abs=1)
    assert claims["steadier, paper"].verdict == "holds"
    slower = _claims(models, _curves(models, rate=0.1, scatter=3.0))
    assert slower["learns faster, paper"].estimate > 100  # its controls were as good as it ever is in half the epochs
    assert {slower[f"{name}, paper"].verdict for name in ("learns faster", "first epoch", "steadier")} == {
        "does not hold"
    }


def test_one_epoch_has_no_scatter(recwarn):
    models = _models(0.9)
    curves = _curves(models, rate=2.0, scatter=1.0)
    names = set(_claims(models, curves[curves["epoch"] == 1]))
    assert "first epoch, paper" in names
    assert "steadier, paper" not in names
    assert not recwarn.list


def test_students_of_the_teachers_architecture_are_compared_with_the_teacher():
    models = _models(0.9)
    again = [
        row(f"again-{seed}", TEACHER, stage="confirm", role="student", seed=seed, error=0.03 * (0.9 + 0.01 * seed))
        for seed in range(4)
    ]
    both = pd.concat([models, pd.DataFrame(again)])
    claim = _claims(both)["Born Again, force"]
    assert (claim.verdict, claim.n) == ("holds", "4 seeds")
    assert claim.estimate == pytest.approx(-8.5, abs=0.1)
    assert "generation 1, force" not in _claims(both)
    second = row("second", TEACHER, stage="teacher", role="teacher", error=0.024, generation=1)
    claims = _claims(pd.concat([both, pd.DataFrame([second])]))
    assert claims["Born Again, force"].verdict == "does not hold"  # the second generation taught them
    generation = claims["generation 1, force"]
    assert (generation.estimate, generation.ci95, generation.n) == (pytest.approx(-20), None, "1 seed")
    assert "faster" not in _claims(pd.concat([models[models["role"] == "teacher"], pd.DataFrame(again)]))


def test_cheap_students_are_held_against_the_teacher():
    models = _models(0.9)  # the largest students have 0.9 times 0.05, the teacher 0.03
    claims = _claims(models)
    assert (claims["faster"].estimate, claims["faster"].verdict) == (pytest.approx(50, abs=3), "does not hold")
    is_student = models["role"] == "student"
    good = models.assign(test_force_rmse_ev_per_ang=models["test_force_rmse_ev_per_ang"].where(~is_student, 0.033))
    assert (_claims(good)["faster"].verdict, _claims(good)["faster"].n) == ("holds", "4 seeds")
    worse = good[is_student].assign(weight_atomic_energy=300.0, test_force_rmse_ev_per_ang=0.06)
    worse = worse.assign(model_id=worse["model_id"] + "-300", valid_force_rmse_ev_per_ang=0.06)
    assert _claims(pd.concat([good, worse]))["faster"].verdict == "holds"  # other weights' errors do not enter
    hungry = _claims(models.assign(bytes_per_atom=1000.0))["smaller"]
    assert (hungry.estimate, hungry.ci95, hungry.verdict) == (100.0, None, "does not hold")
    assert estimate_text(hungry) == "100.0 (no interval)"
    assert "faster" not in _claims(models.assign(md_us_per_atom_step=np.nan))


def test_costs_grow_with_size_each_engine_by_itself():
    models = _models(0.9)
    ours = models.assign(bytes_per_atom=1000 - models["n_weights"] / 1e6)
    theirs = models.assign(bytes_per_atom=1000 + models["n_weights"], engine="hippynn")
    claims = _claims(pd.concat([ours, theirs]))
    step_time = claims["step time grows, explicit"]
    assert (step_time.verdict, step_time.n) == ("holds", "7 architectures")
    assert claims["memory grows, explicit"].verdict == "does not hold"
    assert claims["memory grows, hippynn"].verdict == "holds"


def test_one_architecture_counts_its_seeds_once_each():
    models = _models(0.9)
    one = models[(models["role"] == "teacher") | (models["n_features"] == SHAPES[1][0])]
    one = one[(one["role"] == "teacher") | (one["n_sensitivities"] == SHAPES[1][1])]
    students = one[one["role"] == "student"]
    more = students.assign(model_id=students["model_id"] + "-more", weight_atomic_energy=1.0)
    claim = _claims(pd.concat([one, more]))["force, paper"]
    assert claim.n == "4 seeds"
    assert claim.ci95 == pytest.approx(_claims(one)["force, paper"].ci95)


def test_students_that_share_a_control_do_not_make_a_verdict():
    models = _models(0.9)
    two = models[(models["role"] == "teacher") | (models["n_features"] == SHAPES[0][0]) & (models["seed"] < 2)]
    assert two["n_sensitivities"].nunique() == 3
    students = two[two["role"] == "student"]
    more = [students.assign(model_id=students["model_id"] + f"-{w}", weight_atomic_energy=w) for w in (1.0, 100.0)]
    claim = _claims(pd.concat([two, *more]))["force, paper"]
    assert (claim.n, claim.verdict) == ("4 pairs, 2 architectures, w_A 100", "not sure")


def test_the_claim_on_accuracy_is_the_headline():
    models = _models(0.9, noise=0.3)
    claim = _claims(models)["force, paper"]
    headline = summarize_study(clean_models(models)).headline.paired_force_rmse
    assert (claim.estimate, *claim.ci95) == (headline.mean_percent, *headline.ci95_percent)
