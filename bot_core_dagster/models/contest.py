"""The contest: the newest models of an instrument against the one in force, on bars that neither has seen.

Belongs here: who takes part, what each lost and earned, the decision as it is recorded. Not here: the comparison
(`models.comparison`), the rule (`models.promotion`), the record (`models.registry`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ModelError, QualityError, ShapeError
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.card import code_version
from bot_core_dagster.models.comparison import Comparison, Evidence, averaged_difference
from bot_core_dagster.models.decision import Candidate, Champion, ModelDecision
from bot_core_dagster.models.evaluation import loss_rows
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.naive import naive_predictor
from bot_core_dagster.models.predictions import Predictions
from bot_core_dagster.models.promotion import Promotion, PromotionRule, decide_promotion
from bot_core_dagster.models.registry import champion_of, models_of, past_tests, withdrawn_versions
from bot_core_dagster.models.serving import ServedModel
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.traded import trade_forecast
from bot_core_dagster.settings import Instrument, ModelsSettings

NAIVE_VERSION: Final = "naive"


@dataclass(frozen=True, eq=False)
class Contest:
    """What was compared, and what follows.

    decision : as the registry records it
    promotion : with every comparison and its reasons
    differences : DataFrame, log loss one bar ahead of each challenger (`short_name`) less that of the
        champion: a row for each as-of time
    champion : kind and version, or that there is none
    unusable : models that could not take part -> why
    """

    decision: ModelDecision
    promotion: Promotion
    differences: pd.DataFrame
    champion: str
    unusable: Mapping[str, str]
    is_simulated: bool

    @property
    def p_values(self) -> dict[str, float]:
        """Of each challenger in `differences`: that it is no better."""
        kinds = {each.version: each.model_type for each in self.decision.candidates}
        return {
            short_name(kinds[each.version], each.version): each.joint_p_value for each in self.promotion.comparisons
        }


def short_name(model_type: str, version: str) -> str:
    """Return what a picture calls a model: kind, and enough of the version to tell it apart."""
    return f"{model_type} {version[:6]}"


def compare_models(
    lake: Lake, store: ModelStore, known: Known, instrument: Instrument, settings: ModelsSettings
) -> Contest:
    """Compare the newest version of each kind with the model in force, and decide which serves from now on.

    Parameters
    ----------
    lake, store : Lake, ModelStore
        What was trained and is in force, and the files.
    known : Known
        All bars up to now.
    instrument : Instrument
    settings : ModelsSettings
    """
    timeframe = str(instrument.timeframe)
    in_force = champion_of(lake, instrument.symbol, timeframe)
    challengers = _newest(lake, instrument, in_force)
    models, unusable = _loaded(store, instrument.symbol, challengers | _asked(in_force))
    evidence: dict[str, Evidence] = {}
    for version, model in models.items():
        try:
            evidence[version] = _evidence(model, known, instrument)
        except (ShapeError, QualityError) as error:
            unusable[f"{model.card.model_type} {version}"] = str(error)
    naive = _naive(known, instrument, [each.last_used for each in evidence.values()])
    version_in_force = in_force.version if in_force else ""
    champion = evidence.pop(version_in_force, None) or _stand_in(naive, version_in_force)
    past = past_tests(lake, instrument.symbol, timeframe)
    promotion = decide_promotion(
        champion,
        [each for version, each in evidence.items() if version in challengers],
        naive,
        rule=PromotionRule(settings.alpha, settings.min_effect, settings.min_rows),
        n_tests_before=past.n_tests,
        last_tested=pd.Timestamp(past.until) if past.until else None,
    )
    return Contest(
        decision=_decision(promotion, known, instrument, version_in_force, challengers, past.n_tests),
        promotion=promotion,
        differences=_differences(evidence, champion, challengers),
        champion=f"{in_force.model_type} {in_force.version}" if in_force else "no champion: naive",
        unusable=unusable,
        is_simulated=known.is_simulated,
    )


def _newest(lake: Lake, instrument: Instrument, in_force: Champion | None) -> dict[str, str]:
    """Return version -> kind of the newest model of each kind that is not in force and was not rolled back."""
    timeframe = str(instrument.timeframe)
    rows = models_of(lake, instrument.symbol, timeframe)
    newest = rows.groupby("model_type", sort=False).tail(1)
    withdrawn = withdrawn_versions(lake, instrument.symbol, timeframe)
    found = dict(zip(newest["version"], newest["model_type"], strict=True))
    return {
        version: kind
        for version, kind in found.items()
        if version not in withdrawn and (in_force is None or version != in_force.version)
    }


def _asked(in_force: Champion | None) -> dict[str, str]:
    return {in_force.version: in_force.model_type} if in_force else {}


def _loaded(store: ModelStore, symbol: str, wanted: Mapping[str, str]) -> tuple[dict[str, ServedModel], dict[str, str]]:
    models: dict[str, ServedModel] = {}
    unusable: dict[str, str] = {}
    for version, kind in wanted.items():
        try:
            models[version] = ServedModel.load(store, symbol, kind, version)
        except ModelError as error:
            unusable[f"{kind} {version}"] = str(error)
    return models, unusable


def _evidence(model: ServedModel, known: Known, instrument: Instrument) -> Evidence:
    used_until = pd.Timestamp(model.card.used_until)
    rows = model.rows(known, after=used_until)
    if not len(rows):
        raise ShapeError(f"no bar has come since {used_until} that it has not used")
    return _of_predictions(model.version, model.predict(known, rows), rows, known, instrument, used_until)


def _naive(known: Known, instrument: Instrument, last_used: list[pd.Timestamp]) -> Evidence:
    """Return the base rate of what was known before the first comparison begins, and how it did since."""
    since = min(last_used, default=known.labels.start[-1])
    before = np.flatnonzero(known.labels.end <= since)
    rows = np.flatnonzero((known.labels.start >= since) & np.isfinite(known.labels.deviation))
    said = naive_predictor(known.labels, before).predict(known.windows, rows)
    return _of_predictions(NAIVE_VERSION, said, rows, known, instrument, since)


def _stand_in(naive: Evidence, version: str) -> Evidence:
    """Return what serves where nothing was promoted, or what was cannot be asked: the naive forecast."""
    return Evidence(version or NAIVE_VERSION, naive.losses, naive.last_used, naive.daily_returns, naive.days_per_year)


def _of_predictions(
    version: str, said: Predictions, rows: IntArray1D, known: Known, instrument: Instrument, last_used: pd.Timestamp
) -> Evidence:
    losses = loss_rows(said, known.labels, rows)
    traded = trade_forecast(known.bars, rows, said.up, instrument)
    return Evidence(
        version=version,
        losses=pd.DataFrame({instrument.symbol: losses}, index=known.labels.start[rows]),
        last_used=last_used,
        daily_returns=traded.daily_returns,
        days_per_year=traded.figures.days_per_year,
    )


def _differences(evidence: Mapping[str, Evidence], champion: Evidence, kinds: Mapping[str, str]) -> pd.DataFrame:
    columns = {
        short_name(kinds[version], version): averaged_difference(
            one.losses, champion.losses, max(one.last_used, champion.last_used)
        )
        for version, one in evidence.items()
    }
    return pd.DataFrame(columns).sort_index()


def _decision(
    promotion: Promotion,
    known: Known,
    instrument: Instrument,
    champion: str,
    kinds: Mapping[str, str],
    n_tests_before: int,
) -> ModelDecision:
    compared = [each for each in promotion.comparisons if each.first is not None and each.last is not None]
    return ModelDecision(
        symbol=instrument.symbol,
        timeframe=str(instrument.timeframe),
        champion=champion,
        promoted=promotion.promoted,
        candidates=tuple(
            Candidate(each.version, kinds[each.version], each.reasons, _figures(each)) for each in promotion.comparisons
        ),
        summary=_named(promotion.summary, kinds),
        window_start=min((each.first.to_pydatetime() for each in compared if each.first), default=None),
        window_end=max((each.last.to_pydatetime() for each in compared if each.last), default=None),
        n_tests_before=n_tests_before,
        level=promotion.level,
        content_hash=known.content_hash,
        code_version=code_version(),
        is_simulated=known.is_simulated,
    )


def _named(summary: str, kinds: Mapping[str, str]) -> str:
    """Return a summary with the kind before each version."""
    for version, kind in kinds.items():
        summary = summary.replace(version, f"{kind} {version}")
    return summary


def _figures(compared: Comparison) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(compared).items() if isinstance(value, int | float)}
