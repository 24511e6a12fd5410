"""What settings say of themselves is honoured by whoever reads them, without a list anywhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml

from pareto_search.config import ConfirmSettings, StudyConfig
from pareto_search.config.base import BUDGET, NEUTRAL, path_keys, union_tags
from pareto_search.config_file import load_config
from pareto_search.errors import StoreError
from pareto_search.run_directory import open_run


class WiderConfirm(ConfirmSettings):
    n_more: Annotated[int, BUDGET] = 1
    color: Annotated[str, NEUTRAL] = "red"
    extra: int = 0
    file: Path | None = None


class WiderConfig(StudyConfig):
    confirm: WiderConfirm = WiderConfirm()


PLAIN = {"name": "wider", "data": {"source": "emt-aluminum"}, "measure": {"structure": {"symbol": "Al"}}}


@pytest.fixture
def wider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a study with some more among them."""
    for reader in ("run_directory", "config_file"):
        monkeypatch.setattr(f"pareto_search.{reader}.StudyConfig", WiderConfig)


def config(**confirm: Any) -> WiderConfig:
    return WiderConfig.model_validate(PLAIN | {"confirm": confirm})


@pytest.mark.usefixtures("wider")
def test_a_new_budget_may_grow_and_a_new_neutral_setting_differ(tmp_path: Path) -> None:
    for settings in (config(), config(n_more=2), config(n_more=2, color="blue")):
        with open_run(tmp_path, settings):
            pass
    for refused in (config(n_more=1), config(n_more=2, extra=1)):
        with (
            pytest.raises(StoreError, match=r"confirm\.controls, confirm\.n_more may grow"),
            open_run(tmp_path, refused),
        ):
            pass


@pytest.mark.usefixtures("wider")
def test_a_new_path_counts_from_the_config_file(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(PLAIN | {"confirm": {"file": "some/file"}}))
    found = load_config(tmp_path / "study.yaml")
    assert isinstance(found, WiderConfig)
    assert found.confirm.file == tmp_path / "some" / "file"


def paths_in(schema: dict[str, Any], definitions: dict[str, Any], key: str = "") -> Iterator[str]:
    """Keys of whatever pydantic's JSON schema calls a path."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if schema.get("format") == "path":
        yield key
    for name, part in schema.get("properties", {}).items():
        yield from paths_in(part, definitions, f"{key}.{name}" if key else name)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *filter(None, [schema.get("items")])):
        yield from paths_in(part, definitions, key)


def test_every_path_of_every_model_is_found() -> None:
    schema = StudyConfig.model_json_schema()
    expected = set(paths_in(schema, schema["$defs"]))
    assert {"data.path", "search.warm_start", "search.transfer.pretraining.frames.structure.path"} <= expected
    assert set(path_keys(StudyConfig)) == expected


def test_branches_of_unions_are_told_from_keys() -> None:
    tags = union_tags(StudyConfig)
    assert {"extxyz", "teacher-md", "network", "external", "range", "text"} <= tags
    assert not tags & {"data", "source", "teacher", "search", "random"}
