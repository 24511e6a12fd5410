"""HTML of the report's pages and of the live page, from the templates beside them."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDERS = [Path(__file__).parent / room / "templates" for room in ("page", "live")]
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDERS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render(template: str, **values: object) -> str:
    """The text of a template with its names filled in; values that are not `Markup` are escaped."""
    return _ENVIRONMENT.get_template(template).render(values)
