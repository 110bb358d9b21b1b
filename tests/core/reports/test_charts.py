"""Charts as JSON that may stand inside a page."""

import json
import math

from bot_core_dagster.reports.charts import as_script, attribution_chart


def test_no_text_of_a_chart_can_end_its_script() -> None:
    text = as_script({"chart": {"title": "</script><!-- & -->"}})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"chart": {"title": "</script><!-- & -->"}}


def test_an_undefined_value_is_null_since_json_has_no_nan() -> None:
    assert as_script({"chart": {"y": [1.0, math.nan, math.inf]}}) == '{"chart":{"y":[1.0,null,null]}}'


def test_a_bar_is_named_with_its_profit_and_coloured_by_its_sign() -> None:
    chart = attribution_chart({"A&B": 5.0, "C": -1234.5}, {"A&B": 0.0, "C": 0.0})
    month, inception = chart["data"]
    assert month["y"] == ["A&amp;B  <b>+5.00</b>", "C  <b>−1,234.50</b>"]
    assert month["marker"]["color"] == ["var(--gain)", "var(--loss)"]
    assert (month["visible"], inception["visible"]) == (True, False)
