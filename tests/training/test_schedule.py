from pathlib import Path

import pytest

from pareto_search.config import Choice, LossWeights, ScheduledWeights, TrainingSettings
from pareto_search.config_file import load_config
from pareto_search.training.schedule import Plateau, weights_at

#: The paper's Table 1.
BORN_AGAIN = [(1, 200, 75, 0.0), (200, 160, 63, 0.2), (250, 120, 51, 0.4), (300, 80, 39, 0.6), (350, 40, 27, 0.8)]


def test_rows_apply_from_their_epoch_on():
    rows = tuple(
        ScheduledWeights(epoch=epoch, weight_atomic_energy=a, weight_forces=f, weight_energy=e)
        for epoch, a, f, e in BORN_AGAIN
    )
    settings = TrainingSettings(schedule=rows)
    own = LossWeights(weight_forces=10.0)
    for epoch, forces in [(1, 75), (199, 75), (200, 63), (249, 63), (250, 51), (349, 39), (350, 27), (5000, 27)]:
        assert weights_at(epoch, own, settings).weight_forces == forces
    assert weights_at(3, own, TrainingSettings()) == own


def _follow(losses, settings):
    state, rates = Plateau(settings.learning_rate), []
    for epoch, loss in enumerate(losses, start=1):
        rates.append(state.learning_rate)
        state = state.after(epoch, loss, settings)
        if state.is_over(epoch, settings):
            return rates, state, epoch
    return rates, state, None


def test_learning_rate_halves_after_the_patience_and_training_ends_after_its_own():
    settings = TrainingSettings(learning_rate=1.0, plateau_patience=3, termination_patience=9)
    rates, state, ended = _follow([5.0, 4.0] + [4.0] * 20, settings)
    # Epoch 2 is best; 3, 4 and 5 are flat, the fourth flat epoch (6) cuts the rate for epoch 7, and so on.
    assert rates == [1.0] * 6 + [0.5] * 4 + [0.25]
    assert (state.best_epoch, ended) == (2, 11)


def test_a_gain_starts_the_count_again():
    settings = TrainingSettings(learning_rate=1.0, plateau_patience=3, termination_patience=5)
    losses = [9.0, 9.0, 9.0, 9.0, 8.0, 8.0, 8.0, 8.0, 7.0]
    rates, state, ended = _follow(losses, settings)
    assert rates == [1.0] * 9
    assert (state.best_epoch, state.best_loss, ended) == (9, 7.0, None)


def test_new_weights_make_old_losses_incomparable():
    settings = TrainingSettings(termination_patience=4)
    state = Plateau(1.0).after(1, 0.1, settings).restarted(2)
    after = state.after(2, 50.0, settings)
    assert (after.best_loss, after.best_epoch) == (50.0, 2)


def test_schedule_must_start_at_one_and_rise():
    row = {"weight_forces": 1.0}
    for epochs in [(2, 3), (1, 1), (1, 5, 4)]:
        with pytest.raises(ValueError, match="start at 1 and rise"):
            TrainingSettings(schedule=[{"epoch": epoch, **row} for epoch in epochs])


def test_training_does_not_end_before_the_last_row_had_its_turn():
    rows = (ScheduledWeights(epoch=1), ScheduledWeights(epoch=12, weight_forces=1.0))
    settings = TrainingSettings(schedule=rows, termination_patience=3)
    assert _follow([1.0] * 20, settings)[2] == 12
    assert _follow([1.0] * 20, settings.model_copy(update={"schedule": ()}))[2] == 4


def test_a_row_that_never_comes_is_refused():
    with pytest.raises(ValueError, match="epoch 9 never comes: max_epochs is 8"):
        TrainingSettings(max_epochs=8, schedule=[{"epoch": 1}, {"epoch": 9}])


def test_the_config_has_the_papers_table():
    settings = load_config(Path(__file__).parents[2] / "configs" / "born-again.yaml")
    table = [*BORN_AGAIN, (400, 0, 15, 1.0)]
    assert [
        (row.epoch, row.weight_atomic_energy, row.weight_forces, row.weight_energy)
        for row in settings.confirm_training.schedule
    ] == table
    assert settings.search.space.dimensions["n_features"] == Choice(
        choices=(settings.teacher.architecture.hyperparameters["n_features"],)
    )
