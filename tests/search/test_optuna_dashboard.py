"""`study.db` as optuna-dashboard serves it."""

import io
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna_dashboard import wsgi

from pareto_search.config import CapSettings
from pareto_search.search.optuna_study import open_optuna_study
from tests.cluster.test_tune_searcher import OBJECTIVES, SETTINGS, Search, costs_of, run


def get(app: Any, path: str, query: str = "") -> dict[str, Any]:
    """What a page of the dashboard's own interface answers."""
    said: list[str] = []
    request = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "here", "SERVER_PORT": "80",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    body = b"".join(app(request, lambda status, headers, error=None: said.append(status)))
    assert said == ["200 OK"], body
    answer: dict[str, Any] = json.loads(body)
    return answer


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_study_opens_with_names_constraints_and_reasons(tmp_path: Path) -> None:
    caps = CapSettings(max_md_us_per_atom_step=60.0)
    with open_optuna_study(tmp_path / "study.db", "fake", OBJECTIVES) as study:
        search = Search(study, SETTINGS.model_copy(update={"caps": caps}))
        for number in range(6):
            run(search, str(number), model_ids=[f"student-{number}"])
        search.suggest("end")
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    try:
        shown = get(wsgi(storage), "/api/studies/1", "after=0")
    finally:
        storage.remove_session()
        storage.engine.dispose()

    assert shown["objective_names"] == ["valid_force_rmse_ev_per_ang", "md_us_per_atom_step", "max_atoms"]
    assert shown["directions"] == ["minimize", "minimize", "maximize"]
    ends = {trial["number"]: trial for trial in shown["trials"]}
    assert set(ends) == set(search.ends)
    for number, end in search.ends.items():
        attributes = {item["key"]: item["value"] for item in ends[number]["user_attrs"]}
        assert attributes["status"] == end.status
        assert json.loads(attributes["costs"]) == costs_of(end.params).to_plain()
        if end.status == "infeasible":
            assert attributes["reason"] == end.reason
            assert ends[number]["constraints"][0] > 0
            assert ends[number]["state"] == "Pruned"
        else:
            assert ends[number]["constraints"] == []
            assert len(ends[number]["values"]) == 3
    assert {end.status for end in search.ends.values()} == {"complete", "infeasible"}
