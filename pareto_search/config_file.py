"""Reading a study's settings: YAML file, command-line overrides, and errors that a user can act on."""

import difflib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from pareto_search.config import FAMILIES, Architecture, SpaceSettings, StructureSettings, StudyConfig, family_named
from pareto_search.config.base import models_in, path_keys, union_tags
from pareto_search.errors import ConfigError

#: Settings as YAML gives them, not yet checked.
Plain = dict[str, object]


def load_config(path: str | Path, overrides: tuple[str, ...] = ()) -> StudyConfig:
    """Read and check a config file.

    Args:
        path: YAML file.
        overrides: Settings as "a.b=value", the value in YAML; they win over the file.

    Raises:
        ConfigError: Listing every problem with its key path, the value found and the rule.
    """
    path = Path(path)
    plain = _read_yaml(path)
    _make_paths_absolute(plain, path.resolve().parent)
    changes: Plain = {}
    for text in overrides:
        _apply_override(changes, text)
    _make_paths_absolute(changes, Path.cwd())
    _merge(plain, changes)
    return parse_config(plain, str(path))


def parse_config(plain: Mapping[str, object], origin: str) -> StudyConfig:
    """Check settings given as plain values; `origin` names them in messages."""
    try:
        return StudyConfig.model_validate(plain)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{origin}: {line}" for line in _lines(error))) from error


def _read_yaml(path: Path) -> Plain:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise ConfigError(
            f"{path}: cannot be read ({reason}); name a config file such as configs/quickstart.yaml"
        ) from error
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(plain, dict):
        raise ConfigError(f"{path}: holds no settings; start from a file in configs/")
    return plain


def _apply_override(plain: Plain, text: str) -> None:
    key, separator, value = text.partition("=")
    names = key.strip().split(".")
    if not separator or not all(names):
        raise ConfigError(f"--set {text}: write it as section.key=value, for instance search.n_trials=8")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not valid YAML") from error
    target = plain
    for name in names[:-1]:
        below = target.setdefault(name, {})
        if not isinstance(below, dict):
            raise ConfigError(f"--set {text}: {name} was set to a plain value by an earlier --set; keep one of the two")
        target = below
    target[names[-1]] = parsed


def _merge(base: Plain, changes: Plain) -> None:
    for key, value in changes.items():
        old = base.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and not _replaces(old, value):
            _merge(old, value)
        else:
            base[key] = value


def _replaces(old: Plain, new: Plain) -> bool:
    """Whether a value is another kind of thing than the old one, such as choices in place of a range."""
    ways = set(StructureSettings.ways)  # of saying what a structure is, of which there is one
    return (
        "choices" in new
        or ("low" in new and "high" in new)
        or ("source" in new and new["source"] != old.get("source"))
        or ("calculator" in new and "calculator" not in old)
        or bool(new.keys() & ways and (old.keys() & ways) - new.keys())
    )


def _make_paths_absolute(plain: Plain, folder: Path) -> None:
    """A relative path counts from the config file, in --set from where the user is."""
    for setting in path_keys(StudyConfig):
        *sections, key = setting.split(".")
        target: object = plain
        for name in sections:
            target = target.get(name) if isinstance(target, dict) else None
        if isinstance(target, dict) and key in target:
            target[key] = _absolute(target[key], folder)


def _absolute(value: object, folder: Path) -> object:
    """A path, or each of several, from a folder; what is neither is left to be refused."""
    if isinstance(value, list):
        return [_absolute(path, folder) for path in value]
    return str((folder / Path(value).expanduser()).resolve()) if isinstance(value, str) else value


def _lines(error: ValidationError) -> Iterator[str]:
    tags = union_tags(StudyConfig)
    for problem in error.errors():
        location = problem["loc"]
        key = ".".join(str(part) for part in location if part not in tags) or "the file"
        if problem["type"] == "extra_forbidden":
            yield f"{key} is not an option.{_suggestion(location)}"
        elif problem["type"] == "missing":
            yield f"{key} is missing: {_description(location)}"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            found = "" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})"
            yield f"{key}: {message}{found}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    names = sorted({name for model in _models_at(location[:-1]) for name in model.model_fields})
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Options here: {', '.join(names)}"


def _description(location: tuple[int | str, ...]) -> str:
    for model in _models_at(location[:-1]):
        settings_field = model.model_fields.get(str(location[-1]))
        if settings_field is not None and settings_field.description:
            return settings_field.description
    return "it has no default"


def _models_at(location: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """The settings models that a key path may lead to."""
    models: list[type[BaseModel]] = [StudyConfig]
    for part in location:
        found = [
            m for model in models if part in model.model_fields for m in models_in(model.model_fields[part].annotation)
        ]
        tagged = [model for model in models if _has_tag(model, part)]
        models = found or tagged or models
        if SpaceSettings in models:
            models += [family_named(name).Space for name in FAMILIES]
        if Architecture in models:
            models += map(family_named, FAMILIES)
    return models


def _has_tag(model: type[BaseModel], part: int | str) -> bool:
    source = model.model_fields.get("source")
    return source is not None and part in typing.get_args(source.annotation)
