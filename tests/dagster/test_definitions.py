"""The definitions as a whole: what a reader of the graph sees."""

from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import SYMBOL_ASSETS
from bot_core_dagster.definitions import build_defs, defs
from bot_core_dagster.strategies import RuleStrategy, strategies

STRATEGY_NOUNS = ("optimization", "parameters", "backtest")
ROOT = Path(__file__).resolve().parents[2]


def test_definitions_can_be_loaded() -> None:
    """Each call of `build_defs` makes the same, whole and apart from the others."""
    fresh = build_defs()
    for one in (defs, fresh):
        dg.Definitions.validate_loadable(one)
    names, again = ({job.name for job in one.resolve_all_job_defs()} for one in (defs, fresh))
    assert {"collect_market_data", "research_cycle", "portfolio_review"} <= names == again
    assert fresh.resolve_asset_graph().get_all_asset_keys() == defs.resolve_asset_graph().get_all_asset_keys()
    assert fresh is not defs


def test_every_asset_has_what_the_graph_needs_to_read_well() -> None:
    for node in defs.resolve_asset_graph().asset_nodes:
        name = node.key.to_user_string()
        assert node.description, name
        assert node.owners, name
        assert node.kinds, name
        assert node.group_name != "default", name
        assert node.code_version, name


@pytest.mark.parametrize(
    ("job", "assets"),
    [
        ("collect_market_data", {"bars", "bar_quality", "features"}),
        ("research_cycle", set(SYMBOL_ASSETS)),
        ("optimize_strategies", {name for name in SYMBOL_ASSETS if name.endswith(STRATEGY_NOUNS)}),
        ("analyze_market", {"market_analysis"}),
        ("portfolio_review", {"portfolio_review"}),
    ],
)
def test_a_job_selects_its_assets(job: str, assets: set[str]) -> None:
    selected = defs.resolve_job_def(job).asset_layer.executable_asset_keys
    assert {key.to_user_string() for key in selected} == assets


def test_each_plain_strategy_has_a_search_a_deployed_set_and_a_backtest() -> None:
    """And those of rules have none: they speak in the market analysis."""
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    for name, strategy in strategies().items():
        has = {noun for noun in STRATEGY_NOUNS if f"{name}_{noun}" in keys}
        assert len(has) == (0 if isinstance(strategy, RuleStrategy) else 3), name


def test_schedules_and_sensors_run_without_being_switched_on() -> None:
    assert all(one.default_status == dg.DefaultScheduleStatus.RUNNING for one in defs.schedules or ())
    assert all(one.default_status == dg.DefaultSensorStatus.RUNNING for one in defs.sensors or ())


def test_the_instance_file_names_no_folder() -> None:
    """A base_dir with a variable crashes a plain `dagster dev`, or makes a folder of that name."""
    assert "base_dir:" not in (ROOT / "dagster.yaml").read_text(encoding="utf-8").replace("names no base_dir:", "")
