"""The strategy table: numbers by hand, empty stages, and the action for the campaign tool."""

import numpy as np
import pandas as pd
import pytest

from membership.base.errors import ParamError
from membership.base.member_schemas import STAGES
from membership.profile import moves, repurchase, strategy
from membership.settings import params

SETTINGS = params.load("lifecycle").lifecycle.strategy
STAGE = pd.Series(["loyal", "loyal", "lapsed"], pd.Index(["a", "b", "c"], name="member_id"), name="stage")
VALUE = pd.DataFrame({"member_id": ["a", "b", "c"], "value": [100.0, 300.0, 10.0]})
SPELLS = pd.DataFrame(
    {"entry": 0, "exit": [3, 70, 60], "ended": [True, False, False], "waited": [3, 60, 60]}, index=["a", "b", "c"]
)


def history(paths):
    months = pd.date_range("2020-01-01", periods=3, freq="MS")
    rows = [(member, month, stage) for member, path in paths.items() for month, stage in zip(months, path, strict=True)]
    return pd.DataFrame(rows, columns=["member_id", "as_of", "stage"])


def table(paths):
    steps = moves.intervals(history(paths), "stage", list(STAGES), 0.95, 50, np.random.default_rng(1))
    return strategy.table(STAGE, VALUE, steps, repurchase.rates(SPELLS, STAGE, 14, 0.95), SETTINGS)


PATHS = {
    "a": ["loyal", "loyal", "loyal"],
    "b": ["loyal", "active", "loyal"],
    "c": ["loyal", "at_risk", "lapsed"],
}
FOUND = table(PATHS)


def test_every_stage_has_a_row_in_the_order_of_a_membership():
    assert FOUND.index.tolist() == list(STAGES)
    assert FOUND["members"].sum() == 3
    assert FOUND[["goal", "action", "watch"]].map(len).gt(0).all(axis=None)


def test_numbers_by_hand():
    assert FOUND.loc["loyal", ["members", "value", "mean_value", "repurchase_rate"]].tolist() == [2, 400, 200, 0.5]
    assert FOUND.loc["loyal", "share"] == pytest.approx(2 / 3)
    assert FOUND.loc["loyal", "stays"] == 0.5  # two of the four moves out of loyal
    assert FOUND.loc["loyal", "next"] == "active"  # as likely as at_risk: the earlier stage
    assert FOUND.loc["at_risk", ["next", "next_share"]].tolist() == ["lapsed", 1]


def test_a_stage_that_nobody_is_in_has_no_numbers_but_words():
    row = FOUND.loc["won_back"]
    assert row[["members", "value", "next"]].tolist() == [0, 0, ""]
    assert row[["repurchase_rate", "stays", "next_share"]].isna().all()
    assert row["action"] == SETTINGS.won_back.action


def test_where_nobody_ever_moves_there_is_no_next_stage():
    assert (table({"a": ["loyal"] * 3})["next"] == "").all()


def test_each_stage_must_say_what_to_do():
    with pytest.raises(ParamError, match=r"lifecycle\.strategy\.loyal\.action"):
        params.parse(params.read(), {"lifecycle.strategy.loyal.action": ""})
    assert list(SETTINGS.column("action")) == list(STAGES)


@pytest.mark.parametrize(
    ("action", "top_action"), [("Show {next_tier}", None), ("Thank", "Thank"), ("Show {next_tier}", "To {next_tier}")]
)
def test_an_action_that_names_the_next_tier_needs_one_for_the_top_tier_and_no_other_has_one(action, top_action):
    given = {"action": action, "top_action": top_action}
    with pytest.raises(ParamError, match=r"lifecycle\.strategy\.loyal"):
        params.parse(params.read(), {f"lifecycle.strategy.loyal.{name}": words for name, words in given.items()})


def test_borders_out_of_order_are_refused():
    with pytest.raises(ParamError, match="lapsed_share must be smaller than at_risk_share"):
        params.parse(params.read(), {"lifecycle.lapsed_share": 0.9})


def test_the_share_of_value_at_risk_or_lapsed_by_hand():
    assert strategy.slipping(FOUND) == pytest.approx(10 / 410)
    assert np.isnan(strategy.slipping(FOUND.assign(value=0.0)))
