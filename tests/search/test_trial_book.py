"""What is taken up from a ledger that an earlier driver, or an earlier version, left."""

import pytest

from pareto_search.config import SearchSettings
from pareto_search.search.ledger import COSTS, RUNGS, KeptTrial
from pareto_search.search.trial_book import TrialBook
from replay import NoLedger
from tests.cluster.fake_study import settings_of
from tests.cluster.test_tune_searcher import POINT, PRUNED, SAME

FORCE = "valid_force_rmse_ev_per_ang"


class Kept(NoLedger):
    """A ledger with trials."""

    def __init__(self, *trials: KeptTrial) -> None:
        super().__init__()
        self._kept = list(trials)

    def trials(self) -> list[KeptTrial]:
        return self._kept


def book_of(settings: SearchSettings, **attributes: object) -> TrialBook:
    ended = KeptTrial(0, POINT, "complete", (0.1, 1.0, 1000.0), {COSTS: SAME.to_plain(), **attributes})
    return TrialBook(Kept(ended), settings, lambda end: None)


@pytest.mark.parametrize("reached", [{"1": {FORCE: 0.3}}, {"1": 0.3}])
def test_rungs_are_taken_up_also_where_an_older_version_kept_the_force_rmse_alone(reached: dict[str, object]) -> None:
    book = book_of(PRUNED, **{RUNGS: reached})
    assert book.trials[0].reached == {1: {FORCE: 0.3}}
    book.rungs.record(1, 1, {FORCE: 0.6}, SAME, [0.0] * 4)
    assert book.rungs.forecasts()[1][FORCE] == pytest.approx(0.2)


def test_samplers_see_values_in_the_order_of_the_objectives() -> None:
    names = ("max_atoms", FORCE, "bytes_per_atom")
    ended = KeptTrial(0, POINT, "complete", (1000.0, 0.1, 1.0), {COSTS: SAME.to_plain()})
    settings = settings_of(6, objectives=names)
    (seen,) = TrialBook(Kept(ended), settings, lambda end: None).seen()
    assert seen.values == (1000.0, 0.1, 1.0)
