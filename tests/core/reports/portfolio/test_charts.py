"""Charts of a review."""

from bot_core_dagster.reports.portfolio.charts import attribution_chart


def test_a_bar_is_named_with_its_profit_and_coloured_by_its_sign() -> None:
    chart = attribution_chart({"A&B": 5.0, "C": -1234.5}, {"A&B": 0.0, "C": 0.0})
    month, inception = chart["data"]
    assert month["y"] == ["A&amp;B  <b>+5.00</b>", "C  <b>−1,234.50</b>"]
    assert month["marker"]["color"] == ["var(--gain)", "var(--loss)"]
    assert (month["visible"], inception["visible"]) == (True, False)
