"""A page as a browser reads it, and a picture as an eye does, for tests.

Belongs here: parsing. Not here: results to make pages of (`tests.core.reports.results`, `tests.core.reports.reviewed`).
"""

import base64
import gzip
import io
import json
import re
from html.parser import HTMLParser
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, and the visible text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = {}
        self.text = ""
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))
        self._within = f"{tag}#{dict(attrs).get('id', '')}" if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or a style sheet."""
        if self._within.startswith(tag):
            self._within = ""

    def handle_data(self, data: str) -> None:
        """Keep text apart from scripts and style sheets."""
        if self._within:
            self.raw[self._within] = self.raw.get(self._within, "") + data
        else:
            self.text += data

    def figures(self) -> Any:
        """Return the charts' JSON; a constant that JSON does not have fails the test."""
        return json.loads(self.raw["script#figures"], parse_constant=lambda name: pytest.fail(f"{name} in JSON"))

    def undefined_colors(self) -> set[str]:
        """Return the colours of the charts that the style sheet does not define."""
        used = set(re.findall(r"var\((--[a-z-]+)\)", self.raw["script#figures"]))
        assert used
        return used - set(re.findall(r"(--[a-z-]+):", self.raw["style#"]))


def require_self_contained(html: str) -> None:
    """Fail where the page is too large, asks for anything, or holds its library other than once."""
    assert len(html.encode()) < 3_000_000
    page = Page(html)
    library = gzip.decompress(base64.b64decode(page.raw["script#plotly"])).decode()
    assert library.count("plotly.js v") == 1
    assert not [tag for tag, attributes in page.elements if {"src", "href", "srcset", "data"} & set(attributes)]
    (policy,) = [attributes["content"] for _, attributes in page.elements if "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    """Return the picture as an array of shape (height, width, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def share_of(color: str, png: bytes, tolerance: int = 24) -> float:
    """Return the share of pixels that are about this colour."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(pixels(png).astype(int) - wanted).max(axis=2) <= tolerance).mean())


def texts_of(figure: Figure) -> list[Text]:
    """Return the texts that are drawn, apart from the mark of simulated bars; labels of ticks out of view are not."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = {
        id(label)
        for axis in figure.findobj(Axis)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    found = figure.findobj(lambda one: isinstance(one, Text) and one.get_visible() and id(one) not in hidden)
    return [one for one in found if isinstance(one, Text) and one.get_text().strip() and one.get_text() != "SIMULATED"]


def words_of(figure: Figure) -> str:
    """Return what is written in a picture, a text a line; spaces that do not break are plain ones."""
    return "\n".join(one.get_text() for one in texts_of(figure)).replace("\u00a0", " ")


def require_readable(figure: Figure) -> None:
    """Fail where a text runs off the picture or over another."""
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts_of(figure)]
    width, height = figure.bbox.width, figure.bbox.height
    outside = [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height]
    assert outside == []
    across = [
        (one, other)
        for (one, a), (other, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1.0 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1.0
    ]
    assert across == []
