"""Boosting: gradient-boosted trees on the features of the last bars, the rival that networks have to beat.

Belongs here: the model made of boosters at a few horizons, its predictions between them, its files. Not here: how one
booster is fitted (`models.boosting_rounds`), the card beside the files (`models.card`).

Directions are interpolated on the scale of log odds and quantiles of the scaled return as they are, both over the
logarithm of the horizon. Where an anchor had too few rows to learn from, it says what the naive forecast does.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bot_core_dagster.errors import ModelError
from bot_core_dagster.metrics.arrays import FloatArray2D, IntArray1D
from bot_core_dagster.models.boosting_rounds import (
    DIRECTION,
    LAGS,
    ROUNDS_PER_EPOCH,
    SHARED,
    SPREAD,
    Rounds,
    fit_direction,
    fit_spread,
    inputs_of,
)
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.naive import NAIVE, NaivePredictor, naive_predictor
from bot_core_dagster.models.predictions import (
    QUANTILES,
    Fit,
    FitOptions,
    FloatArray3D,
    ModelKind,
    Predictions,
    Predictor,
    Training,
)
from bot_core_dagster.models.windows import Windows

DIRECTION_HORIZONS: Final = (1, 2, 4, 8, 16, 24)
SPREAD_HORIZONS: Final = (1, 4, 12, 24)
"""Bars ahead that have a booster of their own; the first and the last horizon are among them."""

META: Final = "boosting.json"
_NEXT: Final = "next: train the model again, or restore the file"
_STEPS: Final = np.log(np.arange(1, HORIZONS + 1))


@dataclass(frozen=True, eq=False)
class BoostingPredictor:
    """Predicts with a booster for each anchor.

    n_columns : features of a bar
    direction, spread : anchor horizon -> the UBJSON of its booster; those that lack say what `naive` does
    """

    n_columns: int
    direction: Mapping[int, bytes]
    spread: Mapping[int, bytes]
    naive: NaivePredictor

    def predict(self, windows: Windows, rows: IntArray1D) -> Predictions:
        """Return what is said at the close of each of `rows`.

        Raises
        ------
        ModelError
            If the windows have another number of features than those the boosters were trained on.
        """
        import xgboost

        if len(windows.columns) != self.n_columns:
            raise ModelError(
                f"the boosting model reads {self.n_columns} features, got {len(windows.columns)}; next: give the "
                "features that its card names, or train it again"
            )
        if len(rows) == 0:
            return Predictions(np.empty((0, HORIZONS)), np.empty((0, HORIZONS, len(QUANTILES))))
        asked = xgboost.DMatrix(inputs_of(windows, rows), nthread=1)
        return Predictions(self._up(asked, len(rows)), self._quantiles(asked, len(rows)))

    def files(self) -> dict[str, bytes]:
        """Return the content of each booster's file, and of the one that names them."""
        boosters = {
            _file(name, horizon): content
            for name, anchors in (("direction", self.direction), ("spread", self.spread))
            for horizon, content in anchors.items()
        }
        meta = {
            "kind": "boosting",
            "n_columns": self.n_columns,
            "lags": list(LAGS),
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in boosters.items()},
        }
        return {META: json.dumps(meta).encode(), **self.naive.files(), **boosters}

    def _up(self, asked: Any, n_rows: int) -> FloatArray2D:
        naive = np.log(self.naive.up / (1.0 - self.naive.up))
        log_odds = np.empty((n_rows, len(DIRECTION_HORIZONS), 1))
        for place, horizon in enumerate(DIRECTION_HORIZONS):
            is_there = horizon in self.direction
            log_odds[:, place, 0] = _said(self.direction[horizon], asked) if is_there else naive[horizon - 1]
        up: FloatArray2D = 1.0 / (1.0 + np.exp(-_between(log_odds, DIRECTION_HORIZONS)[:, :, 0]))
        return up

    def _quantiles(self, asked: Any, n_rows: int) -> FloatArray3D:
        anchors = np.empty((n_rows, len(SPREAD_HORIZONS), len(QUANTILES)))
        for place, horizon in enumerate(SPREAD_HORIZONS):
            is_there = horizon in self.spread
            anchors[:, place] = _said(self.spread[horizon], asked) if is_there else self.naive.quantiles[horizon - 1]
        return _between(np.sort(anchors, axis=2), SPREAD_HORIZONS)


def _between(said: FloatArray3D, anchors: Sequence[int]) -> FloatArray3D:
    """Return what is said at each horizon, straight over its logarithm from one anchor to the next.

    `said` is of shape (n_rows, n_anchors, n_figures). No matrix product: its last digits would depend on n_rows.
    """
    after = np.clip(np.searchsorted(anchors, np.arange(1, HORIZONS + 1)), 1, len(anchors) - 1)
    steps = np.log(anchors)
    share = ((_STEPS - steps[after - 1]) / (steps[after] - steps[after - 1]))[:, None]
    between: FloatArray3D = said[:, after - 1] * (1.0 - share) + said[:, after] * share
    return between


def _said(content: bytes, asked: Any) -> Any:
    """Return what a booster says, before the link: log odds of shape (n_rows,), or quantiles (n_rows, n_quantiles)."""
    return _booster(content).predict(asked, output_margin=True)


def _booster(content: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(content))
    return booster


def _file(name: str, horizon: int) -> str:
    return f"{name}_{horizon}.ubj"


def _fit(training: Training, options: FitOptions) -> Fit:
    """Fit the boosters; the curves, the best epoch and the stopping reason are those of the direction one bar ahead."""
    silent = FitOptions(options.seed, options.max_epochs, options.patience)
    directions = {
        horizon: fit_direction(training, horizon, options if horizon == 1 else silent) for horizon in DIRECTION_HORIZONS
    }
    spreads = {horizon: fit_spread(training, horizon, silent) for horizon in SPREAD_HORIZONS}
    predictor = BoostingPredictor(
        n_columns=len(training.windows.columns),
        direction=_contents(directions),
        spread=_contents(spreads),
        naive=naive_predictor(training.labels, training.slices.training),
    )
    nearest = directions[1]
    return Fit(predictor, nearest.curves, nearest.best_epoch, _stopping_reason(nearest, options))


def _contents(fitted: Mapping[int, Rounds]) -> dict[int, bytes]:
    return {
        horizon: bytes(rounds.booster.save_raw("ubj"))
        for horizon, rounds in fitted.items()
        if rounds.booster is not None
    }


def _stopping_reason(rounds: Rounds, options: FitOptions) -> str:
    if rounds.booster is None:
        return "too few rows with a direction one bar ahead: it says the base rate"
    if len(rounds.curves) - rounds.best_epoch >= options.patience:
        return f"no gain in {options.patience * ROUNDS_PER_EPOCH} rounds on the stopping slice"
    return f"all {options.max_epochs * ROUNDS_PER_EPOCH} rounds"


def _load(files: Mapping[str, bytes]) -> Predictor:
    """Return the predictor of its files; their digests are checked before xgboost, which crashes on torn ones."""
    meta = _meta(files)
    found: dict[str, dict[int, bytes]] = {"direction": {}, "spread": {}}
    for name, digest in meta["sha256"].items():
        kind, _, horizon = name.removesuffix(".ubj").partition("_")
        if kind not in found or not horizon.isdecimal() or int(horizon) > HORIZONS:
            raise ModelError(f"{META} names {name}, which is no booster's file; {_NEXT}")
        if hashlib.sha256(files.get(name, b"")).hexdigest() != digest:
            raise ModelError(f"{name} of the boosting model is missing, corrupt or cut off; {_NEXT}")
        found[kind][int(horizon)] = _require_booster(name, files[name], meta["n_columns"])
    naive = NAIVE.load(files)
    assert isinstance(naive, NaivePredictor)
    return BoostingPredictor(meta["n_columns"], found["direction"], found["spread"], naive)


def _meta(files: Mapping[str, bytes]) -> dict[str, Any]:
    if META not in files:
        raise ModelError(f"the boosting model has no {META} among {', '.join(files) or 'no files'}; {_NEXT}")
    try:
        meta = json.loads(files[META])
    except ValueError as error:
        raise ModelError(f"{META} of the boosting model is corrupt or cut off ({error}); {_NEXT}") from None
    if not isinstance(meta, dict) or meta.get("kind") != "boosting":
        kind = meta.get("kind") if isinstance(meta, dict) else None
        raise ModelError(f"{META} is of kind {kind or 'unknown'}, expected boosting; {_NEXT}")
    digests, n_columns = meta.get("sha256"), meta.get("n_columns")
    if not isinstance(digests, dict) or not isinstance(n_columns, int) or meta.get("lags") != list(LAGS):
        raise ModelError(f"{META} of the boosting model names no files, features or other bars than {LAGS}; {_NEXT}")
    return meta


def _require_booster(name: str, content: bytes, n_columns: int) -> bytes:
    """Return the content of a booster that reads this many features."""
    import xgboost

    try:
        n_inputs = _booster(content).num_features()
    except xgboost.core.XGBoostError as error:
        raise ModelError(f"{name} is no booster ({str(error).splitlines()[0]}); {_NEXT}") from None
    if n_inputs != n_columns * len(LAGS):
        raise ModelError(f"{name} reads {n_inputs} inputs, expected {n_columns * len(LAGS)}; {_NEXT}")
    return content


BOOSTING: Final = ModelKind(
    "boosting",
    "Gradient boosting",
    fit=_fit,
    load=_load,
    architecture={
        "lags": list(LAGS),
        "direction_horizons": list(DIRECTION_HORIZONS),
        "spread_horizons": list(SPREAD_HORIZONS),
        "shared": dict(SHARED),
        "direction": dict(DIRECTION),
        "spread": dict(SPREAD),
    },
    library="xgboost",
)
