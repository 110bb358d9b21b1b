"""Attribution sums to the profit, whatever the sleeves did."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.portfolio.attribution import Sleeve, attribute, largest_share


def _moves(largest: float) -> st.SearchStrategy[dict[Sleeve, tuple[float, float]]]:
    money = st.floats(min_value=1e-6, max_value=largest)
    sleeve = st.builds(Sleeve, st.sampled_from(["rsi", "macd", "O'X<b>"]), st.text(min_size=1, max_size=3))
    return st.dictionaries(sleeve, st.tuples(money, money), min_size=1, max_size=40)


def _residuals(moves: dict[Sleeve, tuple[float, float]]) -> list[float]:
    start, end = zip(*moves.values(), strict=True)
    attribution = attribute(list(moves), start, end)
    change = math.fsum((*end, *(-before for before in start)))
    splits = (attribution.by_sleeve, attribution.by_strategy, attribution.by_instrument)
    return [abs(total - change) for total in (attribution.profit, *(math.fsum(split.values()) for split in splits))]


@given(_moves(largest=25_000.0))
def test_each_split_of_an_account_of_up_to_a_million_sums_to_the_profit(
    moves: dict[Sleeve, tuple[float, float]],
) -> None:
    assert max(_residuals(moves)) <= 1e-9


@given(_moves(largest=1e15))
def test_each_split_of_any_account_sums_to_the_profit_as_far_as_floats_go(
    moves: dict[Sleeve, tuple[float, float]],
) -> None:
    assert max(_residuals(moves)) <= 1e-15 * math.fsum(sum(pair) for pair in moves.values())


def test_a_strategy_owns_the_profit_of_its_sleeves_and_an_instrument_that_of_its_own() -> None:
    sleeves = [Sleeve("rsi", "BTC"), Sleeve("rsi", "ETH"), Sleeve("macd", "BTC")]
    attribution = attribute(sleeves, [100.0, 100.0, 100.0], [130.0, 90.0, 101.0])
    assert attribution.by_strategy == {"rsi": 20.0, "macd": 1.0}
    assert attribution.by_instrument == {"BTC": 31.0, "ETH": -10.0}
    assert attribution.profit == 21.0


@pytest.mark.parametrize(
    ("profits", "expected"),
    [
        pytest.param({"a": 30.0, "b": -10.0}, ("a", 0.75), id="gains and losses count alike"),
        pytest.param({"a": 1.0, "b": -3.0}, ("b", 0.75), id="the largest may be a loss"),
        pytest.param({"a": 30.0}, ("a", math.nan), id="one name cannot be judged"),
        pytest.param({"a": 0.0, "b": 0.0}, ("a", math.nan), id="nothing moved"),
        pytest.param({}, ("", math.nan), id="no name"),
    ],
)
def test_the_largest_share_is_of_all_money_moved(profits: dict[str, float], expected: tuple[str, float]) -> None:
    assert largest_share(profits) == pytest.approx(expected, nan_ok=True)
