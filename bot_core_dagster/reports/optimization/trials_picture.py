"""The picture of the trials: the winner beside what luck alone would have shown.

Belongs here: the histogram of Sharpe ratios and its marks. Not here: the figures (`reports.optimization.distribution`),
the canvas (`reports.canvas`).
"""

import numpy as np

from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.canvas import ACCENT, HELD, INK, LOSS, SOFT, canvas, label_axis, legend, panels, png
from bot_core_dagster.reports.figures import count, counted, ratio, share
from bot_core_dagster.reports.histogram import histogram_of
from bot_core_dagster.reports.optimization.distribution import Distribution, distribution_of
from bot_core_dagster.reports.optimization.headline import PBO_SENSE, marked, out_of_sample, pbo, title


def trials_picture(optimization: Optimization) -> bytes:
    """Return the trials' Sharpe ratios with the winner, the best to expect of luck alone, DSR and PBO as a PNG."""
    shown = distribution_of(optimization)
    n_trials = count(optimization.evidence.n_trials)
    figure = canvas(
        marked(
            optimization,
            f"{title(optimization)}: winner's Sharpe {ratio(shown.winner)}, luck alone would show {ratio(shown.luck)}",
        ),
        _caption(optimization, shown),
        is_simulated=optimization.is_simulated,
    )
    (axes,) = panels(figure, (1.0,), bottom=0.09)
    bins = histogram_of(shown.trials)
    axes.bar(bins.middles, bins.counts, bins.width * 0.96, color=SOFT, linewidth=0)
    marks = (
        (f"Winner in sample {ratio(shown.winner)}", shown.winner, INK, "-", 2.6),
        (f"Best of {n_trials} without skill {ratio(shown.luck)}", shown.luck, LOSS, (0, (5, 2)), 2.2),
        (f"Buy and hold {ratio(shown.held)}", shown.held, HELD, "-", 2.0),
        (f"Out of sample {ratio(shown.out_of_sample)}", shown.out_of_sample, ACCENT, (0, (1, 1.2)), 2.8),
    )
    for name, sharpe, color, dashes, width in marks:
        axes.axvline(sharpe, color=color, linestyle=dashes, linewidth=width, label=name)
    axes.axvline(0.0, color=HELD, linewidth=0.8, zorder=0.5)
    axes.set_ylabel("Parameter sets")
    axes.locator_params(axis="y", integer=True)
    label_axis(axes.xaxis, "Sharpe ratio in sample, annualised")
    legend(axes)
    return png(figure)


def _caption(optimization: Optimization, shown: Distribution) -> str:
    evidence = optimization.evidence
    undefined = f", {count(shown.n_undefined)} without trades" if shown.n_undefined else ""
    beaten = float(np.mean(shown.trials > 0.0)) if len(shown.trials) else np.nan
    return (
        f"Deflated Sharpe {share(evidence.deflated_sharpe_ratio)}: the probability that "
        f"the winner is better than the best of {counted(evidence.n_trials, 'trial')} without skill\n"
        f"PBO {pbo(optimization)}: {PBO_SENSE}\n"
        f"{out_of_sample(optimization)}. {counted(optimization.n_variations, 'parameter set')}{undefined}; "
        f"{share(beaten)} of those that traded above 0"
    )
