"""`bot-core train`, `predict` and `models`: over models trained on simulated bars, on a terminal and for a script."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any, NamedTuple

import pytest
from typer.testing import Result

from bot_core_dagster.lake import default_lake
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.registry import champion_of, decisions, promote_by_hand, record_model
from bot_core_dagster.models.registry_tables import MODELS
from bot_core_dagster.models.store import CHECKPOINT, ModelStore
from bot_core_dagster.models.training import train_model
from bot_core_dagster.places import PROJECT_ROOT, mlflow_home
from bot_core_dagster.settings import MIN_DAYS_OF_DATA
from resources.tracking import TrackingResource
from tests.core.models.worlds import INSTRUMENT, known

Run = Callable[..., Result]
Answer = Callable[..., Any]
Refused = Callable[..., tuple[int, str]]

HEAVY = ("torch", "pandas", "numpy", "dagster", "xgboost", "mlflow", "sklearn")
SMALL = TrainingPlan(days_of_data=60, unseen_days=60)
WORLD = known(150, edge=0.3)


class Prepared(NamedTuple):
    """What is made once: folders of models and of MLflow's fresh store, and the cards, the older first."""

    models: Path
    mlflow: Path
    cards: tuple[ModelCard, ModelCard]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Two versions of boosting of one instrument, trained on 120 and on 150 days of bars."""
    folder = tmp_path_factory.mktemp("prepared")
    store = ModelStore(folder / "models")
    TrackingResource(root=str(folder / "mlflow")).store().open()
    older, newer = (
        train_model(kind_named("boosting"), known(days, edge=0.3), INSTRUMENT, SMALL, store).card for days in (120, 150)
    )
    return Prepared(store.root, folder / "mlflow", (older, newer))


@pytest.fixture
def _bars(settings_path: Path) -> None:
    """A lake with 150 days of bars and no model."""
    default_lake(create=True).upsert_bars(WORLD.bars)


@pytest.fixture
def versions(_bars: None, prepared: Prepared) -> tuple[str, str]:
    """The same lake with both models on record, none in force; the older first."""
    copytree(prepared.models, ModelStore.default().root)
    copytree(prepared.mlflow, mlflow_home())
    for card in prepared.cards:
        record_model(default_lake(), card)
    older, newer = (card.version for card in prepared.cards)
    return older, newer


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that fails, and return its code and its one line of error."""

    def _refused(*arguments: str) -> tuple[int, str]:
        from bot_core_dagster.cli.app import run_command_line

        monkeypatch.setattr(sys, "argv", ["bot-core", *arguments])
        code = run_command_line()
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n"), said.err[:7]) == ("", 1, "error: ")
        return code, said.err

    return _refused


def _words(shown: str) -> str:
    """Return what is shown without the breaks of the screen."""
    return " ".join(shown.split())


@pytest.mark.usefixtures("_bars")
def test_without_a_model_the_naive_forecast_is_shown_and_says_so(run: Run) -> None:
    shown = run("predict", "BTCUSDT").stdout
    assert "SIMULATED no market made the bars of BTCUSDT" in _words(shown)
    assert "known until 2023-05-31 00:00, by naive" in shown
    assert "Note: no model has been promoted: naive forecast" in shown
    rows = [line.split() for line in shown.splitlines() if line.rstrip().endswith(("flat", "up", "down"))]
    assert [row[2] for row in rows] == [str(horizon) for horizon in range(1, 25)]
    assert rows[0][:2] == ["2023-05-31", "01:00"]


@pytest.mark.usefixtures("_bars")
def test_a_horizon_is_how_many_bars_are_answered(answer: Answer) -> None:
    said = answer("predict", "BTCUSDT", "--horizon", "3")
    assert [one["horizon"] for one in said] == [1, 2, 3]
    assert {(one["model_type"], one["simulated"]) for one in said} == {("naive", True)}
    assert all(one["lower"] < one["predicted_price"] < one["upper"] for one in said)
    assert said[0]["close_time"] == "2023-05-31T01:00:00Z"


def test_the_model_in_force_speaks_and_one_that_is_asked_for_by_its_kind_is_its_newest(
    answer: Answer, run: Run, versions: tuple[str, str]
) -> None:
    older, newer = versions
    promote_by_hand(default_lake(), "BTCUSDT", "1h", older, "a test")
    assert {one["model_version"] for one in answer("predict", "BTCUSDT")} == {older}
    assert {one["model_version"] for one in answer("predict", "BTCUSDT", "--model", "boosting")} == {newer}
    shown = _words(run("predict", "BTCUSDT", "--model", "boosting").stdout)
    assert f"by boosting {newer}" in shown
    assert "Note:" not in shown


@pytest.mark.usefixtures("_bars")
@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("predict", "BTCUSDT", "--horizon", "0"), 1, "a horizon of 1 to 24 bars, got 0; next: --horizon 24"),
        (("predict", "BTCUSDT", "--horizon", "10000"), 1, "a horizon of 1 to 24 bars, got 10000; next: --horizon 24"),
        (("predict", "BTCUSDT", "--model", "tarot"), 2, "'tarot'; there are lstm, gru, transformer, boosting"),
        (("predict", "BTCUSDT", "--model", "naive"), 2, "'naive'; there are lstm, gru, transformer, boosting"),
        (
            ("predict", "BTCUSDT", "--model", "lstm"),
            2,
            "no lstm has been trained on BTCUSDT; next: bot-core train",
        ),
        (("predict", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("predict", "ETHUSDT"), 2, "no 1h bars of ETHUSDT; the lake holds BTCUSDT 1h; next: bot-core run"),
        (("models", "list", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("models", "show", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("models", "promote", "BTCUSDT", "abc"), 2, "Missing option '--reason'. Next: bot-core models promote --help"),
        (("models", "promote", "BTCUSDT", "abc", "--reason", "x"), 2, "has version abc; there: none; next: bot-core"),
        (("models", "promote", "NOPE", "abc", "--reason", "x"), 2, "next: bot-core symbols add NOPE"),
        (("models", "rollback", "BTCUSDT"), 1, "no model of BTCUSDT 1h is in force; next: bot-core models list"),
        (("models", "rollback", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("train", "tarot"), 2, "'tarot'; there are lstm, gru, transformer, boosting"),
        (("train", "naive"), 2, "'naive'; there are lstm, gru, transformer, boosting"),
        (("train", "boosting", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("train", "boosting", "--days", str(MIN_DAYS_OF_DATA - 1)), 2, "Invalid value for '--days'"),
        (("train",), 2, "Missing argument 'model'. Next: bot-core train --help"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_bad_input_is_one_line_that_names_the_next_step(
    refused: Refused, arguments: tuple[str, ...], code: int, error: str
) -> None:
    told, said = refused(*arguments)
    assert (told, error in said) == (code, True), said


def test_a_kind_that_the_settings_do_not_enable_is_not_trained(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_MODELS__TYPES", '["lstm"]')
    code, said = refused("train", "boosting", "BTCUSDT")
    assert (code, "models.types does not name boosting; next: add it there" in said) == (2, True)


def test_an_empty_watchlist_is_nothing_to_train_on(refused: Refused, settings_path: Path) -> None:
    settings_path.write_text('watchlist = []\n[models]\ntypes = ["boosting"]\n')
    code, said = refused("train", "boosting")
    assert (code, "the watchlist is empty; next: bot-core symbols add BTCUSDT" in said) == (2, True)


def test_models_are_listed_with_their_figures_and_with_which_serves(
    answer: Answer, run: Run, versions: tuple[str, str]
) -> None:
    older, newer = versions
    assert [one["version"] for one in answer("models", "list")] == [newer]
    every = answer("models", "list", "BTCUSDT", "--all")
    assert [one["version"] for one in every] == [older, newer]
    assert [one["serves"] for one in every] == [False, False]
    assert "card" not in every[0]
    assert every[0]["log_loss"] > 0.0
    promote_by_hand(default_lake(), "BTCUSDT", "1h", older, "a test")
    assert [(one["version"], one["serves"]) for one in answer("models", "list")] == [(older, True), (newer, False)]
    lines = run("models", "list").stdout.splitlines()
    assert [line.split()[-1] == "serves" for line in lines if older in line or newer in line] == [True, False]


@pytest.mark.usefixtures("_bars")
def test_without_models_the_lists_say_what_serves_and_what_comes_next(answer: Answer, run: Run) -> None:
    assert (answer("models", "list"), answer("models", "show", "BTCUSDT")) == ([], [])
    assert "the naive forecast serves. Next: bot-core train all" in run("models", "list").stdout
    assert "Next: bot-core train all BTCUSDT" in run("models", "show", "BTCUSDT").stdout
    assert "promote" in run("models").stdout


def test_a_promotion_by_hand_and_the_way_back_are_on_record_and_in_mlflow(
    answer: Answer, run: Run, versions: tuple[str, str]
) -> None:
    older, newer = versions
    for version in (older, newer):
        said = answer("models", "promote", "BTCUSDT", version, "--reason", "knows more")
        assert (said["champion_version"], said["summary"]) == (version, "promoted by hand: knows more")
    client = TrackingResource().store().open().client
    alias = client.get_model_version_by_alias("BTCUSDT", "champion")
    assert alias.tags["bot_core/version_id"] == newer
    shown = run("models", "rollback", "BTCUSDT")
    assert shown.exit_code == 0
    assert f"in force: boosting {older}" in shown.stdout
    alias = client.get_model_version_by_alias("BTCUSDT", "champion")
    assert alias.tags["bot_core/version_id"] == older
    assert answer("models", "rollback", "BTCUSDT")["champion_version"] == ""
    assert "champion" not in client.get_registered_model("BTCUSDT").aliases
    told = answer("models", "show", "BTCUSDT")
    assert [one["outcome"] for one in told] == ["promoted_by_hand", "promoted_by_hand", "rolled_back", "rolled_back"]
    assert told[0]["window_start"] is None
    assert "promoted by hand: knows more" in run("models", "show", "BTCUSDT").stdout


def test_a_promotion_that_cannot_serve_is_refused_and_not_recorded(
    refused: Refused, answer: Answer, versions: tuple[str, str]
) -> None:
    older, newer = versions
    code, said = refused("models", "promote", "BTCUSDT", "abc", "--reason", "x")
    assert (code, f"there: {older} (boosting), {newer} (boosting)" in said) == (2, True)
    code, said = refused("models", "promote", "BTCUSDT", older, "--reason", " ")
    assert (code, "recorded with its reason, got none; next: say why" in said) == (1, True)
    rmtree(ModelStore.default().folder("BTCUSDT", "boosting", older))
    code, said = refused("models", "promote", "BTCUSDT", older, "--reason", "x")
    assert (code, "the file is gone" in said, "next: bot-core train boosting BTCUSDT" in said) == (1, True, True)
    assert decisions(default_lake(), "BTCUSDT", "1h").empty
    answer("models", "promote", "BTCUSDT", newer, "--reason", "x")
    code, said = refused("models", "promote", "BTCUSDT", newer, "--reason", "x")
    assert (code, f"{newer} serves BTCUSDT 1h already" in said) == (1, True)


@pytest.fixture
def _small_training(_bars: None, prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    copytree(prepared.mlflow, mlflow_home())
    monkeypatch.setenv("BOT_CORE_MODELS__UNSEEN_DAYS", "60")


@pytest.mark.usefixtures("_small_training")
def test_a_training_is_answered_recorded_and_finished_in_mlflow_beside_a_symbol_without_bars(run: Run) -> None:
    result = run("train", "boosting", "BTCUSDT", "ETHUSDT", "--days", "60", "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 1
    assert "boosting_model ETHUSDT: no 1h bars in the lake; next: bot-core import" in result.stderr
    (trained,) = said["trained"]
    assert (trained["model_type"], trained["symbol"], trained["simulated"]) == ("boosting", "BTCUSDT", True)
    assert ModelStore.default().has("BTCUSDT", "boosting", trained["version"])
    assert trained["metrics"]["log_loss"] > 0.0
    assert trained["stopping_reason"]
    champion = champion_of(default_lake(), "BTCUSDT", "1h")
    (serves,) = (one[1] for one in said["decisions"] if one[0] == "BTCUSDT")
    assert serves == (f"boosting {champion.version}" if champion else "naive")
    opened = TrackingResource().store().open()
    (finished,) = opened.client.search_runs([opened.experiment_id])
    assert (finished.info.run_name, finished.info.status) == ("boosting BTCUSDT", "FINISHED")
    assert finished.data.metrics["log_loss"] == pytest.approx(trained["metrics"]["log_loss"])
    assert finished.data.params["days_of_data"] == "60"
    shown = run("train", "boosting", "BTCUSDT", "--days", "60")
    assert shown.exit_code == 0, shown.stderr
    assert "SIMULATED no market made the bars of BTCUSDT" in _words(shown.stdout)
    assert "Next: bot-core predict SYMBOL, bot-core models list" in shown.stdout
    assert len(opened.client.search_runs([opened.experiment_id])) == 1, "the same bars are not trained on again"


@pytest.mark.slow
@pytest.mark.usefixtures("_small_training")
def test_ctrl_c_ends_a_training_within_ten_seconds_and_leaves_what_it_goes_on_from() -> None:
    argv = [sys.executable, "-m", "bot_core_dagster.cli", "train", "lstm", "BTCUSDT", "--days", "60"]
    root = ModelStore.default().root
    with subprocess.Popen(argv, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not list(root.glob(f"*/*/*{CHECKPOINT}")):
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, errors) == (130, "error: interrupted\n")
    assert [path.name.endswith(CHECKPOINT) for path in root.glob("*/*/*")] == [True]
    assert default_lake().read(MODELS).empty


@pytest.mark.parametrize("arguments", ["train", "predict", "models", "models promote"])
def test_help_imports_nothing_heavy(settings_path: Path, arguments: str) -> None:
    code = (
        "import sys, contextlib, io\n"
        "from bot_core_dagster.cli.app import run_command_line\n"
        f"sys.argv = ['bot-core', *{arguments.split()}, '--help']\n"
        "with contextlib.redirect_stdout(io.StringIO()): run_command_line()\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
