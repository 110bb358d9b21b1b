"""Boosting: gradient-boosted trees on the newest bars of the window, with xgboost.

Belongs here: which columns and horizons are boosted, fitting, asking, and the file of the boosters. Not here: networks
(`models.networks`), calibration (`models.calibration`).

Direction is boosted at a few horizons and read off between them on the scale of log odds; so are the quantiles of the
scaled return. Trees are shallow and slow, and each sees half of the rows and a third of the columns: of an hour's
direction there is little to learn, and much to learn by heart.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bot_core_dagster.errors import ModelError
from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.predictions import (
    QUANTILES,
    Curve,
    Fit,
    FitOptions,
    FloatArray3D,
    ModelKind,
    Predictions,
    Training,
)
from bot_core_dagster.models.windows import Float32Array2D, Windows

if TYPE_CHECKING:
    from xgboost import Booster

LAGS: Final = (0, 1, 2, 5)
"""Bars back whose features are read."""
DIRECTION_AT: Final = (1, 2, 4, 8, 16, 24)
QUANTILES_AT: Final = (1, 6, 24)
ROUNDS_A_STEP: Final = 10
"""One point of the curve, and what `FitOptions.max_epochs` and `patience` count."""
_FEWEST_ROUNDS: Final = 30
_MOST_ROUNDS: Final = 600

_TREES: Final = {
    "tree_method": "hist",
    "max_bin": 64,
    "max_depth": 4,
    "learning_rate": 0.03,
    "min_child_weight": 40.0,
    "subsample": 0.5,
    "colsample_bytree": 0.3,
    "reg_lambda": 20.0,
    "nthread": 1,
    "verbosity": 0,
}
_META: Final = "boosting.json"
_NEXT: Final = "next: train the model again, or restore the file"


@dataclass(frozen=True, eq=False)
class BoostingPredictor:
    """Boosters of direction and quantiles, by their horizon."""

    n_columns: int
    direction: Mapping[int, "Booster"]
    quantiles: Mapping[int, "Booster"]

    def predict(self, windows: Windows, rows: IntArray1D) -> Predictions:
        """Return what the boosters say, read off between their horizons."""
        if not len(rows):
            return Predictions(np.empty((0, HORIZONS)), np.empty((0, HORIZONS, len(QUANTILES))))
        from xgboost import DMatrix

        read = DMatrix(_inputs(windows, rows))
        odds = np.stack([booster.predict(read, output_margin=True) for booster in self.direction.values()], axis=1)
        spread = np.stack([booster.predict(read) for booster in self.quantiles.values()], axis=1)
        up = 1.0 / (1.0 + np.exp(-_between(odds[:, :, None].astype(np.float64), DIRECTION_AT)[:, :, 0]))
        return Predictions(up, np.sort(_between(spread.astype(np.float64), QUANTILES_AT), axis=2))

    def files(self) -> dict[str, bytes]:
        """Return a file a booster in xgboost's UBJSON, and what they are."""
        meta = {"kind": "boosting", "n_columns": self.n_columns, "lags": LAGS}
        boosters = {f"up_{at}.ubj": one for at, one in self.direction.items()} | {
            f"quantiles_{at}.ubj": one for at, one in self.quantiles.items()
        }
        return {_META: json.dumps(meta).encode()} | {
            name: bytes(booster.save_raw("ubj")) for name, booster in boosters.items()
        }


def fit_direction(
    training: Training, horizon: int, options: FitOptions, *, tells: bool = False
) -> tuple["Booster", list[Curve]]:
    """Boost the direction at one horizon; return the booster of its best round and the losses of every tenth.

    Raises
    ------
    ModelError
        If the slices hold no move at this horizon.
    """
    import xgboost

    label = training.labels.direction[:, horizon - 1]
    sets = {name: _known(training, getattr(training.slices, name), label) for name in ("training", "stopping")}
    rate = float(sets["training"][1].mean())
    if not 0.0 < rate < 1.0:
        raise ModelError(f"all moves {horizon} bars ahead go one way, in the training slice; next: more bars")
    parameters = _TREES | {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "base_score": rate,
        "seed": options.seed,
    }
    matrices = {name: xgboost.DMatrix(values, outcome) for name, (values, outcome) in sets.items()}
    losses: dict[str, dict[str, list[float]]] = {}
    n_rounds = min(options.max_epochs * ROUNDS_A_STEP, _MOST_ROUNDS)
    booster = xgboost.train(
        parameters,
        matrices["training"],
        n_rounds,
        evals=[(matrices["training"], "training"), (matrices["stopping"], "stopping")],
        evals_result=losses,
        verbose_eval=False,
        callbacks=[
            xgboost.callback.EarlyStopping(rounds=options.patience * ROUNDS_A_STEP, data_name="stopping"),
            *(_telling(options.on_epoch) if tells else ()),
        ],
    )
    best = min(max(int(booster.best_iteration) + 1, _FEWEST_ROUNDS), booster.num_boosted_rounds())
    return booster[:best], _curves(losses)


def _telling(on_epoch: Callable[[int, Curve], None]) -> list[Any]:
    """Return the callback that tells of every tenth round."""
    from xgboost.callback import TrainingCallback

    class Tell(TrainingCallback):  # type: ignore[misc]  # xgboost has no types here
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            if (epoch + 1) % ROUNDS_A_STEP == 0:
                on_epoch((epoch + 1) // ROUNDS_A_STEP, _curve(evals_log, epoch))
            return False

    return [Tell()]


def _fit(training: Training, options: FitOptions) -> Fit:
    direction: dict[int, Booster] = {}
    curves: list[Curve] = []
    for horizon in DIRECTION_AT:
        booster, losses = fit_direction(training, horizon, options, tells=horizon == 1)
        direction[horizon] = booster
        curves = losses if horizon == 1 else curves
    quantiles = {horizon: _fit_quantiles(training, horizon, options) for horizon in QUANTILES_AT}
    n_best = direction[1].num_boosted_rounds()
    step = max(1, min(round(n_best / ROUNDS_A_STEP), len(curves)))
    reason = f"no gain for {options.patience * ROUNDS_A_STEP} rounds; {n_best} trees one bar ahead"
    if len(curves) * ROUNDS_A_STEP >= min(options.max_epochs * ROUNDS_A_STEP, _MOST_ROUNDS):
        reason = f"all {len(curves) * ROUNDS_A_STEP} rounds; {n_best} trees one bar ahead"
    return Fit(BoostingPredictor(len(training.windows.columns), direction, quantiles), curves, step, reason)


def _fit_quantiles(training: Training, horizon: int, options: FitOptions) -> "Booster":
    import xgboost

    label = training.labels.scaled[:, horizon - 1]
    values, outcome = _known(training, training.slices.training, label)
    parameters = _TREES | {
        "objective": "reg:quantileerror",
        "quantile_alpha": list(QUANTILES),
        "max_depth": 2,
        "seed": options.seed,
    }
    return xgboost.train(parameters, xgboost.DMatrix(values, outcome), _FEWEST_ROUNDS, verbose_eval=False)


def _known(training: Training, rows: IntArray1D, label: FloatArray1D) -> tuple[Float32Array2D, FloatArray1D]:
    kept = rows[np.isfinite(label[rows])]
    if not len(kept):
        raise ModelError("no row of a slice has a label; next: more bars, or bars whose price moves")
    return _inputs(training.windows, kept), label[kept]


def _inputs(windows: Windows, rows: IntArray1D) -> Float32Array2D:
    return np.concatenate([windows.matrix[rows - lag] for lag in LAGS], axis=1)


def _between(values: FloatArray3D, at: Sequence[int]) -> FloatArray3D:
    """Return values of shape (n_rows, len(at), n) at every horizon, linear in the logarithm of the horizon."""
    places = np.interp(np.log(np.arange(1, HORIZONS + 1)), np.log(at), np.arange(len(at)))
    low = np.minimum(places.astype(np.int64), len(at) - 2)
    share = (places - low)[None, :, None]
    return np.asarray((1.0 - share) * values[:, low] + share * values[:, low + 1])


def _curves(losses: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Curve]:
    n_rounds = len(losses["training"]["logloss"])
    return [_curve(losses, place) for place in range(min(ROUNDS_A_STEP, n_rounds) - 1, n_rounds, ROUNDS_A_STEP)]


def _curve(losses: Mapping[str, Mapping[str, Sequence[float]]], place: int) -> Curve:
    training, stopping = (float(losses[name]["logloss"][place]) for name in ("training", "stopping"))
    return {"training_loss": training, "stopping_loss": stopping, "stopping_log_loss_1": stopping}


def _load(files: Mapping[str, bytes]) -> BoostingPredictor:
    wanted = [f"up_{at}.ubj" for at in DIRECTION_AT] + [f"quantiles_{at}.ubj" for at in QUANTILES_AT]
    missing = [name for name in (_META, *wanted) if name not in files]
    if missing:
        raise ModelError(f"the boosting model lacks {', '.join(missing)}; {_NEXT}")
    try:
        meta = json.loads(files[_META])
    except ValueError as error:
        raise ModelError(f"{_META} is corrupt or cut off ({error}); {_NEXT}") from None
    if not isinstance(meta, dict) or meta.get("kind") != "boosting" or meta.get("lags") != list(LAGS):
        raise ModelError(f"{_META} is of another model; {_NEXT}")
    n_columns = int(meta["n_columns"])
    boosters = {name: _booster(name, files[name], n_columns * len(LAGS)) for name in wanted}
    return BoostingPredictor(
        n_columns,
        {at: boosters[f"up_{at}.ubj"] for at in DIRECTION_AT},
        {at: boosters[f"quantiles_{at}.ubj"] for at in QUANTILES_AT},
    )


def _booster(name: str, content: bytes, n_features: int) -> "Booster":
    from xgboost import Booster
    from xgboost.core import XGBoostError

    booster = Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(content))
    except (XGBoostError, ValueError) as error:
        raise ModelError(f"{name} is corrupt or no booster ({str(error).splitlines()[0]}); {_NEXT}") from None
    if booster.num_features() != n_features:
        raise ModelError(f"{name} reads {booster.num_features()} numbers a row, expected {n_features}; {_NEXT}")
    return booster


BOOSTING: Final = ModelKind(
    "boosting",
    "Gradient boosting",
    fit=_fit,
    load=_load,
    architecture={
        "trees": _TREES,
        "lags": list(LAGS),
        "direction_at": list(DIRECTION_AT),
        "quantiles_at": list(QUANTILES_AT),
    },
)
