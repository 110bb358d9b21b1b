"""Lines of a picture that Pillow draws: level, of one colour, and drawn in a tenth of the time that matplotlib takes.

Belongs here: how such lines are drawn and measured. Not here: what they say (`reports.canvas`). Everything else that is
written in a picture (ticks, legends, labels) is matplotlib's.
"""

from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.font_manager import findfont
from matplotlib.text import Text
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_LEADING, _ABOVE, _BELOW = 1.28, 0.78, 0.26
"""From one line to the next, and what letters rise above and hang below their line, as multiples of the font's size."""


class PlainText(Text):
    """Lines that begin at `x` and hang down from `y`, both of the figure, whatever letters they hold."""

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Bbox:  # noqa: ARG002 - as in Text
        """Return the box of the lines in pixels."""
        lines, font = self._lines(), self._font()
        left, top = self.get_transform().transform(self.get_position())
        width = max((font.getlength(line) for line in lines), default=0.0)
        height = ((len(lines) - 1) * _LEADING + _ABOVE + _BELOW) * font.size
        return Bbox.from_bounds(left, top - height, width, height)

    def draw(self, renderer: Any) -> None:
        """Draw the lines as an image of their own, at whole pixels."""
        from matplotlib.colors import to_rgb
        from PIL import Image, ImageDraw

        box, font = self.get_window_extent(), self._font()
        ink = Image.new("L", (ceil(box.width) + 2, ceil(box.height) + 2))
        pen = ImageDraw.Draw(ink)
        for place, line in enumerate(self._lines()):
            pen.text((0, round((place * _LEADING + _ABOVE) * font.size)), line, font=font, fill=255, anchor="ls")
        drawn = np.empty((ink.height, ink.width, 4), dtype=np.uint8)
        drawn[..., :3] = np.round(np.array(to_rgb(self.get_color())) * 255)
        drawn[..., 3] = np.asarray(ink)
        context = renderer.new_gc()
        renderer.draw_image(context, round(box.x0), round(box.y1) - ink.height, drawn[::-1])
        context.restore()

    def _lines(self) -> list[str]:
        return self.get_text().split("\n")

    def _font(self) -> "FreeTypeFont":
        figure = self.get_figure(root=True)
        assert figure is not None
        return _font(findfont(self.get_fontproperties()), round(float(self.get_fontsize()) * figure.dpi / 72.0, 2))


@cache
def _font(file: str, pixels: float) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(file, pixels)
