"""Cards: the same after JSON, refused where they are foreign, and they say exactly what has changed."""

import json
import math
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.errors import ModelError
from bot_core_dagster.models import card as cards_module
from bot_core_dagster.models.card import (
    LabelDefinition,
    ModelCard,
    check_usable,
    features_hash,
    libraries,
    slice_times,
    used_until,
    version_of,
)
from bot_core_dagster.models.feature_probe import changed_features, feature_probe
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.naive import NAIVE
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import ModelKind
from bot_core_dagster.models.slices import slices_of
from bot_core_dagster.models.windows import Windows
from tests import builders
from tests.core.models.cards import card

PLAN = TrainingPlan(days_of_data=60, unseen_days=30)


def test_a_card_is_the_same_after_json() -> None:
    made = card(metrics={"log_loss": 0.69, "log_loss_24": 1 / 3})
    assert ModelCard.from_json(made.to_json()) == made
    assert ModelCard.from_json(json.dumps(made.as_json())) == made


def test_an_undefined_metric_is_valid_json_and_comes_back_undefined() -> None:
    text = card(metrics={"auc": math.nan, "sharpe": math.inf}).to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    metrics = ModelCard.from_json(text).metrics
    assert math.isnan(metrics["auc"])
    assert metrics["sharpe"] == math.inf


@given(
    numbers=st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
    words=st.text(max_size=30),
)
def test_every_number_and_text_survives_json(numbers: list[float], words: str) -> None:
    made = card(metrics={f"m{place}": number for place, number in enumerate(numbers)}, stopping_reason=words)
    assert ModelCard.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "corrupt or cut off"),
        (card().to_json()[:200], "corrupt or cut off"),
        ("[1, 2]", "schema none"),
        ('{"schema": 2}', "schema 2, this Bot Core reads 1"),
        ('{"schema": 1}', "not whole: model_type"),
        (card().to_json().replace('"best_epoch": 7', '"best_epoch": "seven"'), "not whole: best_epoch"),
        (card().to_json().replace('"best_epoch": 7', '"best_epoch": 7, "other": 1'), "not whole: other"),
    ],
    ids=["nothing", "half", "list", "newer schema", "empty", "wrong type", "foreign field"],
)
def test_what_is_no_card_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        ModelCard.from_json(text)
    assert "next: train the model again" in str(caught.value)


def test_a_model_of_today_can_be_used_whatever_else_there_is() -> None:
    check_usable(card())
    check_usable(card(), ["rsi_14", "log_ret_1"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"columns": ("rsi_14", "moon_phase")}, "moon_phase was removed"),
        ({"label": LabelDefinition(move_deviations=0.25)}, 'label was {"horizons": 24, "move_deviations": 0.25'),
        ({"window_bars": 30}, "window bars was 30 and is 60"),
        ({"quantiles": (0.1, 0.5, 0.9)}, r"quantiles was \[0.1, 0.5, 0.9\] and is"),
        ({"probe": feature_probe() | {"rsi_14": 49.0}}, "rsi_14 is computed otherwise"),
        ({"probe": {}}, "log_ret_1 is computed otherwise"),
    ],
    ids=["feature", "label", "window", "quantiles", "redefined feature", "no probe"],
)
def test_what_has_changed_since_the_training_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        check_usable(card(**changed))
    assert "next: bot-core train boosting BTCUSDT" in str(caught.value)


def test_columns_that_are_given_must_be_those_of_the_card_in_its_order() -> None:
    for columns, said in (
        (["rsi_14"], "log_ret_1 was removed"),
        (["rsi_14", "log_ret_1", "macd"], "macd was added"),
        (["log_ret_1", "rsi_14"], "in the order rsi_14, log_ret_1 and are in log_ret_1, rsi_14"),
    ):
        with pytest.raises(ModelError, match=said):
            check_usable(card(), columns)


def test_everything_that_differs_is_said_at_once() -> None:
    with pytest.raises(ModelError, match=r"window bars was 30.*moon was removed"):
        check_usable(card(window_bars=30, columns=("moon", "rsi_14")))


def test_the_probe_tells_every_feature_of_the_catalog_apart() -> None:
    probe = feature_probe()
    assert len({round(number, 12) for number in probe.values()}) == len(probe)
    assert all(math.isfinite(number) for number in probe.values())
    assert changed_features(probe) == []
    assert changed_features({name: number * (1 + 1e-4) + 1e-4 for name, number in probe.items()}) == list(probe)
    assert changed_features({"gone": 1.0}) == []


def test_a_version_is_the_same_for_the_same_and_another_for_whatever_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = builders.instrument()
    version = version_of(NAIVE, "a", instrument, PLAN)
    assert version == version_of(NAIVE, "a", builders.instrument(costs={"fee_bps": 1.0}), replace(PLAN, is_first=True))
    assert len(version) == 16
    other_shape = ModelKind("naive", "", NAIVE.fit, NAIVE.load, {"quantiles": [0.5]})
    others = {
        version_of(other_shape, "a", instrument, PLAN),
        version_of(NAIVE, "b", instrument, PLAN),
        version_of(NAIVE, "a", builders.instrument(symbol="ETHUSDT"), PLAN),
        version_of(NAIVE, "a", builders.instrument(timeframe="4h"), PLAN),
        version_of(NAIVE, "a", instrument, replace(PLAN, seed=1)),
        version_of(NAIVE, "a", instrument, replace(PLAN, days_of_data=61)),
    }
    monkeypatch.setattr(cards_module, "code_version", lambda: "other code")
    others.add(version_of(NAIVE, "a", instrument, PLAN))
    assert len(others | {version}) == 8


def test_the_card_names_the_libraries_that_are_installed() -> None:
    assert libraries().keys() >= {"numpy", "xgboost-cpu", "torch"}
    assert card().libraries == libraries()


def test_used_until_is_the_end_of_the_last_label_before_the_unseen_rows() -> None:
    known = Known.of(builders.bars(3_000), builders.instrument())
    day = timedelta(days=1)
    slices = slices_of(known.labels, known.windows.complete_rows, used=60 * day, unseen=30 * day, embargo=day)
    until = used_until(known.labels, slices)
    assert until == known.labels.end[slices.conformal[-1]]
    assert until <= known.labels.start[slices.unseen[0]] - day
    times = slice_times(known.labels, slices)
    assert list(times) == ["training", "stopping", "calibration", "conformal", "unseen"]
    assert times["training"].last < times["stopping"].first
    assert times["unseen"].n_rows == len(slices.unseen)
    assert times["training"].first.tzinfo == UTC


def test_the_hash_of_features_is_of_names_and_values() -> None:
    matrix = np.array([[1.0, np.nan], [2.0, 3.0]], dtype=np.float32)
    windows = Windows(matrix, ("a", "b"))
    same = matrix.copy()
    same[0, 1] = -np.float32(np.nan)
    assert features_hash(windows) == features_hash(Windows(same, ("a", "b")))
    assert (
        len({features_hash(each) for each in (windows, Windows(matrix, ("b", "a")), Windows(matrix + 1, ("a", "b")))})
        == 3
    )
