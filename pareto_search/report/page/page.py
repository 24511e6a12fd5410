"""A whole page: a template that extends `page.html.jinja`, with style, plotly.js, script and the figures' data."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from pareto_search.report.figures.style import DARK
from pareto_search.report.page.assets import head_script, script, style_sheet
from pareto_search.report.page.browser_data import dumps, figure_json
from pareto_search.report.page.elements import Panel, json_script
from pareto_search.report.templates import render


def page_html(
    template: str,
    *,
    title: str,
    about: str,
    panels: Sequence[Panel],
    data: Mapping[str, str] | None = None,
    assets: str | None = None,
    **values: object,
) -> str:
    """A page.

    Args:
        template: File name of its template.
        title: Its heading, and its name in the browser's tab.
        about: What it is, beside the heading.
        panels: Its figures.
        data: Further JSON that the page's script works from, by name.
        assets: Where, seen from the page, style and script lie (`write_assets`); plotly.js is not there, but comes from
            the network. None: all is inside the page.
        values: Further variables of the template.
    """
    all_data = {"dark": dumps(DARK), **(data or {}), **{panel.name: figure_json(panel.figure) for panel in panels}}
    return render(
        template,
        title=title,
        about=about,
        panels=panels,
        data=[json_script(name, text) for name, text in all_data.items()],
        assets=assets,
        style_sheet=Markup(style_sheet()),
        head_script=Markup(head_script()),
        script=Markup(script()),
        plotly=Markup(get_plotlyjs()),
        plotly_version=get_plotlyjs_version(),
        **values,
    )
