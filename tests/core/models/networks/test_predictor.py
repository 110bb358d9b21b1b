"""A network's file: read back equal, and refused where it is corrupt, cut off or another's."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import safetensors.torch
import torch

from bot_core_dagster.errors import ModelError
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks import NETWORKS
from bot_core_dagster.models.networks.predictor import WEIGHTS
from bot_core_dagster.models.predictions import QUANTILES, FitOptions, Predictor
from tests.core.models.networks.trained import small_training

of_every_kind = pytest.mark.parametrize("name", list(NETWORKS))


@cache
def _trained(name: str) -> Predictor:
    return kind_named(name).fit(small_training(), FitOptions(max_epochs=3)).predictor


def _content(name: str) -> bytes:
    return _trained(name).files()[WEIGHTS]


@of_every_kind
def test_a_network_read_back_predicts_the_same(name: str) -> None:
    training = small_training()
    rows = np.concatenate([training.slices.unseen, training.slices.stopping])
    once = _trained(name).predict(training.windows, rows)
    loaded = kind_named(name).load(_trained(name).files())
    again = loaded.predict(training.windows, rows)
    assert once.up.shape == (len(rows), HORIZONS)
    assert once.up.dtype == np.float64
    assert ((once.up > 0.0) & (once.up < 1.0)).all()
    assert once.quantiles.shape == (len(rows), HORIZONS, len(QUANTILES))
    assert (np.diff(once.quantiles, axis=-1) >= 0.0).all()
    np.testing.assert_array_equal(once.up, again.up)
    np.testing.assert_array_equal(once.quantiles, again.quantiles)
    assert loaded.files() == _trained(name).files()


def test_many_rows_are_predicted_as_few_are() -> None:
    training = small_training()
    rows = np.tile(training.slices.stopping, 200)
    many = _trained("gru").predict(training.windows, rows)
    few = _trained("gru").predict(training.windows, rows[:8])
    np.testing.assert_allclose(many.up, np.tile(few.up, (200, 1)), atol=1e-6)


def test_no_rows_are_predicted_as_none() -> None:
    none = _trained("gru").predict(small_training().windows, np.empty(0, dtype=np.int64))
    assert none.quantiles.shape == (0, HORIZONS, len(QUANTILES))


def test_windows_of_other_features_are_refused() -> None:
    windows = small_training().windows
    with pytest.raises(ModelError, match="the gru model reads 3 features, got 2; next: "):
        _trained("gru").predict(replace(windows, columns=("a", "b")), np.array([60]))


def _with_metadata(metadata: Mapping[str, object] | None) -> bytes:
    weights = safetensors.torch.load(_content("gru"))
    return safetensors.torch.save(weights, None if metadata is None else {"model": json.dumps(metadata)})


def _described() -> dict[str, object]:
    content = _content("gru")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    described: dict[str, object] = json.loads(header["__metadata__"]["model"])
    return described


def _flipped() -> bytes:
    content = _content("gru")
    return content[:-2] + bytes([content[-2] ^ 1]) + content[-1:]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param(dict, "has no weights.safetensors among no files", id="absent"),
        pytest.param(lambda: {"card.json": b""}, "among card.json", id="another name"),
        pytest.param(lambda: {WEIGHTS: b""}, "corrupt or cut off", id="empty"),
        pytest.param(lambda: {WEIGHTS: b"not weights at all"}, "corrupt or cut off", id="not safetensors"),
        pytest.param(lambda: {WEIGHTS: _content("gru")[:-10]}, "corrupt or cut off", id="cut off"),
        pytest.param(lambda: {WEIGHTS: _flipped()}, "have changed since it was written", id="a flipped bit"),
        pytest.param(lambda: {WEIGHTS: _content("lstm")}, "is of kind lstm, expected gru", id="another kind"),
        pytest.param(lambda: {WEIGHTS: _with_metadata(None)}, "is of kind unknown", id="no metadata"),
        pytest.param(lambda: {WEIGHTS: _with_metadata({"kind": "gru"})}, "names None features", id="no columns"),
        pytest.param(
            lambda: {WEIGHTS: _with_metadata(_described() | {"n_columns": 5})},
            r"1 tensors unlike a gru of 5: body.layers.0.weight_ih_l0 \(192, 3\) not \(192, 5\)",
            id="other columns",
        ),
    ],
)
def test_a_file_that_is_corrupt_or_foreign_is_refused_and_says_why(files: object, says: str) -> None:
    assert callable(files)
    with pytest.raises(ModelError, match=f"{says}.*; next: "):
        kind_named("gru").load(files())


def test_a_file_with_a_tensor_too_many_is_refused() -> None:
    weights = safetensors.torch.load(_content("gru")) | {"extra": torch.ones(2)}
    content = safetensors.torch.save(weights, {"model": json.dumps(_described())})
    with pytest.raises(ModelError, match=r"extra \(2,\) not there"):
        kind_named("gru").load({WEIGHTS: content})
