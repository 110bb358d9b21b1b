"""The page of an optimisation: what the search found, how much of it to believe, and what was decided.

Belongs here: which figure stands where. Not here: the words of the headline (`reports.optimization.headline`), the
charts (`reports.optimization.charts`), how it looks (`reports/templates`).
"""

import math
from collections.abc import Mapping

from bot_core_dagster.optimization.decision import Decision
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.figures import UNDEFINED, count, counted, day, parameters, percentage, ratio, share, tone
from bot_core_dagster.reports.optimization.charts import charts
from bot_core_dagster.reports.optimization.headline import (
    caveats,
    facts,
    growth,
    lead,
    objective_figure,
    objective_name,
    pbo,
    title,
)
from bot_core_dagster.reports.optimization.joined import FoldRow, fold_rows
from bot_core_dagster.reports.optimization.surface import surface_of
from bot_core_dagster.reports.page import card, page_html
from bot_core_dagster.reports.provenance import Provenance
from bot_core_dagster.reports.words import sharpe_sense
from bot_core_dagster.validation.reason import Reason


def optimization_report_html(
    optimization: Optimization,
    provenance: Provenance,
    *,
    decision: Decision | None = None,
    deployed: Mapping[str, float] | None = None,
) -> str:
    """Return an optimisation as one self-contained HTML page; see `reports.page.page_html`.

    Parameters
    ----------
    optimization : Optimization
    provenance : Provenance
    decision : Decision, optional
        Of the gate, shown with all of its reasons.
    deployed : mapping, optional
        The parameters that were in force before the decision, marked in the heat map.

    Raises
    ------
    TimeError
        If `generated_at` has no zone.
    """
    interval = optimization.evidence.sharpe
    return page_html(
        "optimization.html.j2",
        charts(optimization, deployed),
        provenance,
        title=title(optimization),
        is_simulated=optimization.is_simulated,
        lead=lead(optimization),
        sense=sharpe_sense(interval.low, interval.high),
        decision=decision,
        reasons=[_reason(one) for one in decision.reasons] if decision else [],
        cards=[*_result_cards(optimization), *_doubt_cards(optimization)],
        objective=objective_name(optimization),
        designs={name: [_fold(row) for row in fold_rows(optimization, name)] for name in optimization.walk_forward},
        surface=surface_of(optimization, deployed),
        deployed=parameters(deployed) if deployed else "",
        n_variations=counted(optimization.n_variations, "parameter set"),
        top=_top(optimization),
        names=list(optimization.best_parameters),
        caveats=caveats(optimization),
        facts=facts(optimization),
    )


def _result_cards(optimization: Optimization) -> list[dict[str, object]]:
    """Return what the search would have earned, and what its winner shows."""
    walked, evidence = optimization.headline, optimization.evidence
    total, interval = growth(walked.returns), evidence.sharpe
    return [
        card(
            "Net return out of sample",
            percentage(total),
            tone(total),
            f"Buy and hold {percentage(growth(walked.buy_and_hold_returns))}",
            f"At 2 × costs {percentage(growth(walked.double_cost_returns))}",
        ),
        card(
            "Sharpe ratio out of sample",
            ratio(optimization.sharpe_ratio),
            "",
            f"{share(interval.confidence)} interval {ratio(interval.low)} to {ratio(interval.high)}",
            f"n = {count(len(walked.returns))} days, P = {optimization.periods_per_year}",
        ),
        card(
            f"{objective_name(optimization)} of the winner in sample",
            objective_figure(optimization, optimization.best_performance),
            "",
            f"The best of {counted(optimization.n_variations, 'parameter set')}, and so too good",
            f"Its neighbours keep {share(evidence.neighbourhood)} of it",
        ),
    ]


def _doubt_cards(optimization: Optimization) -> list[dict[str, object]]:
    """Return how much of it luck explains."""
    evidence = optimization.evidence
    return [
        card(
            "Deflated Sharpe ratio of the winner",
            share(evidence.deflated_sharpe_ratio),
            "",
            f"N = {counted(evidence.n_trials, 'trial')}",
            "Probability that it is better than the best of N without skill",
        ),
        card(
            "Probability of overfitting (PBO)",
            pbo(optimization).partition(" (")[0],
            "",
            f"{evidence.pbo_blocks} blocks" if evidence.pbo_blocks else "Too few days or trials",
            f"Allowed up to {share(optimization.settings.max_pbo)}; noise has about 50\u00a0%",
        ),
        card(
            "Can luck explain all of it? (SPA)",
            f"p = {ratio(evidence.spa_cash)}",
            "",
            "Against cash, over all parameter sets",
            f"Against buy and hold of equal exposure p = {ratio(evidence.spa_buy_and_hold)}",
        ),
    ]


def _reason(reason: Reason) -> dict[str, str]:
    css, verdict = ("within", "met") if reason.is_met else ("beyond", "not met")
    if not reason.is_asked:
        css, verdict = "unknown", "for information"
    limit = _plain(reason.limit) if reason.is_asked else ""
    name = f"{reason.name[0].upper()}{reason.name[1:]}"
    return {"name": name, "words": reason.words, "css": css, "verdict": verdict, "value": _plain(reason.value)} | {
        "limit": limit
    }


def _plain(number: float) -> str:
    """Return a count as a count, and any other figure with three decimals."""
    return count(number) if float(number).is_integer() else f"{number:.3f}".replace("-", "−").replace("nan", UNDEFINED)


def _fold(row: FoldRow) -> dict[str, str]:
    return {
        "train": f"{day(row.train[0])} to {day(row.train[1])}",
        "test": f"{day(row.test[0])} to {day(row.test[1])}",
        "chosen": parameters(row.chosen) if row.chosen else "none was worth anything: flat",
        "objective": row.train_worth,
        "ret": percentage(row.test_return),
        "tone": tone(row.test_return),
    }


def _top(optimization: Optimization) -> list[dict[str, object]]:
    """Return the best trials, each with its parameters by name and its figures as texts."""
    objective = optimization.trials["objective_value"].to_numpy()
    places = [int(place) for place in optimization.ranking() if math.isfinite(objective[place])]
    rows: list[dict[str, object]] = []
    for place in places[: len(optimization.top())]:
        trial = optimization.trials.iloc[place]
        rows.append(
            {
                "parameters": [f"{value:g}" for value in optimization.parameter_sets[place].values()],
                "objective": objective_figure(optimization, trial["objective_value"]),
                "sharpe": ratio(trial["sharpe_ratio"]),
                "ret": percentage(trial["total_return"]),
                "fall": percentage(trial["max_drawdown"]),
                "factor": ratio(trial["profit_factor"]),
                "won": share(trial["win_rate"]),
                "n": count(trial["n_trades"]),
                "is_winner": place == optimization.best,
            }
        )
    return rows
