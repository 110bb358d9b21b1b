"""A page: one HTML file that needs nothing but a browser.

Belongs here: putting a template, its style, its scripts, its charts and the charts' library into one file. Not here:
which figure stands where (each result's `page`), how it looks (`reports/templates`).
"""

import base64
import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot_core_dagster.reports.chart import Chart, as_script
from bot_core_dagster.reports.provenance import Provenance

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).parent / "templates"


def page_html(template: str, charts: Mapping[str, Chart], provenance: Provenance, **content: Any) -> str:
    """Return the page (about 2 MB: the charts' library is inside, packed).

    It loads nothing: its content security policy allows no request. Every name is escaped. The same content gives the
    same text.

    Parameters
    ----------
    template : str
        A file of `reports/templates`.
    charts : mapping
        Id of the element -> what is drawn in it.
    provenance : Provenance
    **content
        What the template names.

    Raises
    ------
    TimeError
        If `generated_at` has no zone.
    """
    page = templates().get_template(template)
    return page.render(
        css=_text("page.css"),
        script=_text("page.js"),
        plotly=packed_library(),
        figures=as_script(charts),
        trades_script=_text("trades.js"),
        generated=provenance.generated,
        hashes=sorted(provenance.content_hashes.items()),
        **content,
    )


@cache
def templates() -> "Environment":
    """Return the templates, each compiled once a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def packed_library() -> str:
    """Return plotly.js as base64 of gzip, which `page.js` unpacks; the same bytes each time."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def card(title: str, figure: str, css: str, *lines: str) -> dict[str, object]:
    """Return a card: a figure with what it is called, the class of its colour, and what must be read beside it."""
    return {"title": title, "figure": figure, "tone": css, "lines": lines}


@cache
def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
