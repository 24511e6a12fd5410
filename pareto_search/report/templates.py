"""HTML from Jinja2 templates: what comes from users is escaped, and a value that a template lacks is an error."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_FOLDERS = tuple(Path(__file__).parent / part / "templates" for part in ("page", "live"))


def render(template: str, **values: object) -> str:
    """HTML of a template, safe to put into another one.

    Args:
        template: Its file name, such as `report.html.jinja`.
        values: Its variables. Text is escaped, except HTML that this function returned.
    """
    return Markup(_environment().get_template(template).render(**values))


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(_FOLDERS)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
