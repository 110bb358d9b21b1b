"""MLflow's model registry follows the lake, on a real store: also for odd symbols, and after a kill in between."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot_core_dagster.errors import UnknownNameError
from resources.mlflow_models import SYMBOL_TAG, VERSION_TAG, WantedModel, WantedVersion
from resources.mlflow_store import OpenStore
from resources.tracking import TrackingResource

ODD = (
    "BTCUSDT",
    "BTC/USDT:USDT",
    "A%B",
    "A~25B",
    "O'X",
    "BRK.B",
    "..",
    "é 1",
    'q"',
    "x" * 64,
    "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 64,
)
WRITES = (
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "delete_registered_model_alias",
)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> TrackingResource:
    return TrackingResource(root=str(tmp_path_factory.mktemp("mlflow")))


@pytest.fixture(scope="module")
def opened(tracking: TrackingResource) -> OpenStore:
    return tracking.store().open()


def wanted(symbol: str, *ids: str, champion: str | None = None, challenger: str | None = None) -> WantedModel:
    versions = tuple(WantedVersion(one, None, Path("/models") / symbol / one) for one in ids)
    return WantedModel(symbol, versions, champion, challenger)


def state(client: Any, model: WantedModel) -> tuple[list[str], dict[str, str]]:
    """Return our ids of the model's versions, oldest first, and those of its aliases."""
    versions = client.search_model_versions(f"name = '{model.name}'", order_by=["version_number ASC"])
    ids = {int(one.version): one.tags[VERSION_TAG] for one in versions}
    aliases = client.get_registered_model(model.name).aliases
    return list(ids.values()), {alias: ids[int(number)] for alias, number in aliases.items()}


@pytest.mark.parametrize("symbol", ODD)
def test_a_symbol_becomes_a_model_with_versions_and_aliases(
    tracking: TrackingResource, opened: OpenStore, symbol: str
) -> None:
    model = wanted(symbol, "v-one", "v-two", champion="v-one", challenger="v-two")
    assert tracking.reconcile_models([model]) == 5
    assert state(opened.client, model) == (["v-one", "v-two"], {"champion": "v-one", "challenger": "v-two"})
    assert opened.client.get_registered_model(model.name).tags == {SYMBOL_TAG: symbol}
    assert tracking.reconcile_models([model]) == 0


def test_different_symbols_are_different_models() -> None:
    names = {wanted(symbol).name for symbol in (*ODD, "BTC USDT USDT", "a", "A")}
    assert len(names) == len(ODD) + 3
    assert wanted("BTC/USDT:USDT").name == "BTC~2FUSDT~3AUSDT"


def test_a_version_names_its_files_and_its_run(tracking: TrackingResource, opened: OpenStore) -> None:
    run_id = opened.client.create_run(opened.experiment_id).info.run_id
    model = WantedModel("SOLUSDT", (WantedVersion("v-one", run_id, Path("/models/a folder/v-one")),), "v-one", None)
    tracking.reconcile_models([model])
    version = opened.client.get_model_version_by_alias(model.name, "champion")
    assert (version.run_id, version.source) == (run_id, "file:///models/a%20folder/v-one")


def test_aliases_move_and_go_and_versions_stay(tracking: TrackingResource, opened: OpenStore) -> None:
    tracking.reconcile_models([wanted("ADAUSDT", "a", "b", champion="a", challenger="b")])
    promoted = wanted("ADAUSDT", "a", "b", champion="b")
    assert tracking.reconcile_models([promoted]) == 2
    assert state(opened.client, promoted) == (["a", "b"], {"champion": "b"})
    nothing_serves = wanted("ADAUSDT")
    assert tracking.reconcile_models([nothing_serves]) == 1
    assert state(opened.client, nothing_serves) == (["a", "b"], {})


def test_a_symbol_without_models_leaves_no_trace(tracking: TrackingResource, opened: OpenStore) -> None:
    model = wanted("DOGEUSDT")
    assert tracking.reconcile_models([model]) == 0
    assert not opened.client.search_registered_models(f"name = '{model.name}'")


def test_an_alias_of_no_version_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"BTCUSDT has no model version c \(there: a, b\)"):
        wanted("BTCUSDT", "a", "b", champion="c")


class Killed(BaseException):
    """What ends the process here: nothing catches it."""


@pytest.mark.parametrize("is_done", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_write_the_next_call_ends_in_the_same_state(
    tracking: TrackingResource, opened: OpenStore, monkeypatch: pytest.MonkeyPatch, write: str, is_done: bool
) -> None:
    client = type(opened.client)
    symbol = f"{write} {is_done}"
    before = wanted(symbol, "a", champion="a", challenger="a")
    after = wanted(symbol, "a", "b", champion="b")
    steps = [after] if write == "create_registered_model" else [before, after]
    tracking.reconcile_models(steps[:-1])
    with monkeypatch.context() as patch:
        patch.setattr(client, write, _dies(getattr(client, write), is_done=is_done))
        with pytest.raises(Killed):
            tracking.reconcile_models([after])
    tracking.reconcile_models([after])
    assert state(opened.client, after) == (["a", "b"], {"champion": "b"})
    assert tracking.reconcile_models([after]) == 0


def _dies(function: Callable[..., Any], *, is_done: bool) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if is_done:
            function(*arguments, **named)
        raise Killed

    return call
