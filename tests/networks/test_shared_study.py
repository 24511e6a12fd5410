from dataclasses import replace
from pathlib import Path

import pytest
from ase.build import bulk

from pareto_search.config import Architecture, StudyConfig
from pareto_search.measure.cost import CostProtocol
from pareto_search.measure.device import device_name
from pareto_search.networks import shared_study
from pareto_search.networks.shared_study import SharedStudy
from pareto_search.records import Bracket, CostRecord
from pareto_search.run_directory import RunDirectory
from tests.networks.test_cost_table import CAPACITY, record
from tests.tiny_study import TINY
from tests.training.toy import TINY as SMALL
from tests.training.toy import toy_data


def test_the_capacity_is_sought_near_that_of_a_similar_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SharedStudy(StudyConfig.model_validate(TINY), RunDirectory(tmp_path), toy_data(), bulk("Al", cubic=True))
    guesses: list[int | None] = []

    def measured(self: CostProtocol, architecture: Architecture, *, max_atoms_guess: int | None) -> CostRecord:
        guesses.append(max_atoms_guess)
        capacity = replace(CAPACITY, bracket=Bracket(n_ok=4000 + len(guesses), n_failed=None))
        plain = architecture.model_dump(mode="json")
        found = replace(record(self.key(architecture)), architecture=plain, cutoff_ang=architecture.cutoff_ang)
        return replace(found, device=device_name("cpu"), capacity=capacity)

    monkeypatch.setattr(CostProtocol, "measure", measured)
    monkeypatch.setattr(shared_study, "user_cache", lambda: tmp_path / "cache")
    wider, longer = {"n_features": 9}, {"dist_hard_max_ang": 6.0}
    for changes in ({}, wider, longer, {**wider, **longer}, {"l_max": 2}, {}):
        shared.cost(SMALL.model_copy(update=changes))
    assert guesses == [None, 4001, None, 4003, None]  # l = 2 runs on hippynn; the last cost was known
