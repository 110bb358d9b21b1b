"""Loaded ahead: to import this module is to load all that drawing takes, before the first picture is asked for.

Belongs here: the libraries, the fonts and the packed library of charts, once for all the processes that are forked from
the one that imported it. Not here: these processes (`resources.drawing`).
"""

import matplotlib.backends.backend_agg  # noqa: F401 - loaded, as this file says

import bot_core_dagster.reports  # noqa: F401 - the same
from bot_core_dagster.reports.canvas import canvas, legend, panels, png
from bot_core_dagster.reports.page import packed_library, templates

packed_library()
for _name in templates().list_templates(extensions=["j2"]):
    templates().get_template(_name)
_figure = canvas("loaded", "ahead", is_simulated=True)
(_axes,) = panels(_figure, (1.0,))
_axes.plot([0.0, 1.0], [0.0, 1.0], label="loaded")
legend(_axes)
png(_figure)
