"""Predictions compared with what happened: a small period by hand, bad input, checks and figures."""

import json
from datetime import date

import ibis
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.base import paths
from membership.base.errors import DataError, ParamError
from membership.evaluate.verdicts import Kind
from membership.monitor import monitor, predictions, realised
from membership.report import words
from membership.report.figures import monitor as figures
from membership.settings import params

START, END = date(2017, 12, 1), date(2017, 12, 31)
DAYS = {"repurchase_days": 14, "horizon_days": 90}


@pytest.fixture
def knobs(workspace):
    return params.load("decide", {"monitor.min_members": 2}).monitor


def facts(members: str = "abcd", **columns) -> pd.DataFrame:
    frame = pd.DataFrame({"member_id": list(members), "tier": "Member", "stage": "active"})
    plain = {
        "p_repurchase": 0.5,
        "expected_orders": 6.0,
        "expected_spend": 9000.0,
        "value": 2250.0,
        "next_order_days": 9.0,
    }
    return frame.assign(**plain | columns)


def lists(members: str = "abcd", items: tuple = ("bread", "milk"), scores: tuple = (0.5, 0.25)) -> pd.DataFrame:
    rows = [(m, rank, i, s) for m in members for rank, (i, s) in enumerate(zip(items, scores, strict=True), 1)]
    return pd.DataFrame(rows, columns=["member_id", "rank", "item_id", "score"])


def predicted(policy: str = "model", as_of: date = START, people: pd.DataFrame | None = None) -> pd.DataFrame:
    people = facts() if people is None else people
    live = {"policy": policy, "settings": {}}
    version = predictions.version(live, {"chosen": "bgnbd"})
    return predictions.assemble(people, lists("".join(people["member_id"])), live, version, as_of, DAYS)


def events(*rows: tuple) -> ibis.Table:
    """(member, item, local day, amount) of purchases; a negative amount is a return."""
    frame = pd.DataFrame(rows, columns=["member_id", "item_id", "local_at", "amount"])
    frame["local_at"] = pd.to_datetime(frame["local_at"]) + pd.Timedelta(hours=9)
    frame["kind"] = np.where(frame["amount"] < 0, "return", "purchase")
    return ibis.memtable(meant(frame).assign(quantity=1))


ITEMS = pd.DataFrame({"item_id": ["bread", "milk", "fuel"], "is_product": [True, True, False]})
HAPPENED = (
    ("a", "bread", "2017-11-30", 100),  # before: not looked at
    ("a", "fuel", "2017-12-01", 3000),  # an order in time, but no product
    ("a", "milk", "2017-12-05", 200),  # the next basket, with one of two listed items
    ("a", "bread", "2017-12-06", 100),
    ("b", "bread", "2017-12-15", 500),  # the fifteenth day: too late to be a repurchase
    ("b", "milk", "2017-12-15", 500),
    ("b", "milk", "2017-12-20", -500),
    ("c", "milk", "2017-12-31", 900),  # after the period
)


def compare(knobs, rows=HAPPENED, made=None, members="abcd", until=END) -> monitor.Compared:
    made = predicted() if made is None else made
    return monitor.compare(made, pd.Series(list(members)), events(*rows), ITEMS, until, knobs)


def said(found: monitor.Compared) -> str:
    """Return the words, in which nothing unknown may show as a number."""
    text = words.render("monitor_compared", found=found)
    assert "nan" not in text
    return text


def test_what_happened_by_hand():
    table = realised.since(predicted(), events(*HAPPENED), ITEMS, END).set_index("member_id")
    assert table["repurchased"].to_dict() == {"a": 1, "b": 0, "c": 0, "d": 0}
    assert table["orders"].to_dict() == {"a": 3, "b": 1, "c": 0, "d": 0}
    assert table["spend"].to_dict() == {"a": 3300, "b": 500, "c": 0, "d": 0}
    assert table["hits"].fillna(-1).to_dict() == {"a": 1, "b": 2, "c": -1, "d": -1}
    assert table["predicted_spend"].eq(3000).all()  # a third of the horizon has passed
    assert table["predicted_hits"].fillna(-1).to_dict() == {"a": 0.75, "b": 0.75, "c": -1, "d": -1}


def test_the_overall_rows_by_hand(knobs):
    found = compare(knobs)
    buy, spend, hits = (found.overall(name) for name in ("repurchase", "spend", "listed items bought"))
    assert (buy["members"], buy["predicted"], buy["realised"], buy["ratio"]) == (4, 0.5, 0.25, 0.5)
    assert (spend["predicted"], spend["realised"]) == (3000, 950)
    assert (hits["members"], hits["ratio"]) == (2, 2)


def test_a_period_beyond_the_horizon_is_cut_to_it():
    table = realised.since(predicted(), events(*HAPPENED, ("d", "milk", "2018-03-15", 700)), ITEMS, date(2018, 6, 1))
    assert (table["days"] == 90).all()
    assert table.set_index("member_id").loc["d", "spend"] == 0


def test_a_policy_without_probabilities_is_compared_with_none(knobs):
    found = compare(knobs, made=predicted("gp_topfreq"))
    row = found.overall("listed items bought")
    assert row["realised"] == 1.5 and np.isnan(row["predicted"]) and row["status"] == "-"
    assert "1.50" in said(found)


def test_a_ratio_is_called_only_beyond_its_threshold_and_beyond_chance(knobs):
    many = facts("".join(chr(200 + n) for n in range(400)), p_repurchase=0.5)
    some = many["member_id"][:150].tolist()
    rows = [(member, "milk", "2017-12-02", 100) for member in some]
    found = compare(knobs, rows, predicted(people=many), members="".join(many["member_id"]))
    assert found.overall("repurchase")["ratio"] == 0.75
    assert found.overall("repurchase")["status"] == monitor.DRIFTED
    few = compare(knobs, rows[:1], predicted(people=many[148:152]), members="".join(many["member_id"]))
    assert few.overall("repurchase")["status"] == monitor.STABLE


def test_the_first_period_says_that_nothing_was_predicted(knobs):
    found = compare(knobs, made=predictions.read(paths.reports("live", "none")))
    assert found.made is None and found.table.empty
    assert said(found)
    moved = monitor.of_features(
        shifted(1.0), date(2017, 11, 1), START, knobs.model_copy(update={"features": ["spend_30d"]})
    )
    assert [check.kind for check in monitor.checks(found, moved)] == [Kind.DRIFT]  # what was not judged passes nothing
    flat = monitor.flat(found, pd.DataFrame({"psi": [0.0], "status": ["stable"]}))
    assert flat["monitor_members"] is None and flat["monitor_off"] == 0
    before = plt.get_fignums()
    assert figures.judged(found) == [] and plt.get_fignums() == before  # an empty panel is not drawn


def test_predictions_of_other_members_are_refused(knobs):
    with pytest.raises(DataError, match=r"none of their 4 members, e\.g\. 'a', is in the data"):
        compare(knobs, members="xyz")


def test_members_who_have_gone_are_left_out_and_counted(knobs):
    found = compare(knobs, members="ab")
    assert found.gone == 2 and found.overall("repurchase")["members"] == 2
    assert "few members" in said(found).lower()


def test_too_short_a_period_is_refused(knobs):
    with pytest.raises(DataError, match="13 days have passed, and a repurchase is an order within 14"):
        compare(knobs, until=date(2017, 12, 14))


def test_a_period_in_which_nobody_buys_is_an_answer(knobs):
    found = compare(knobs, rows=HAPPENED[:1])
    assert found.overall("repurchase")["realised"] == 0
    assert found.calibrated.set_index("outcome").loc["listed items bought", "status"] == "-"
    assert said(found)


def shifted(by: float) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    spend, gaps = rng.gamma(2, 50, 600), rng.gamma(2, 5, 600)
    frame = pd.DataFrame({"spend_30d": np.r_[spend, spend * by], "median_gap_days": np.r_[gaps, gaps]})
    return frame.assign(as_of=pd.to_datetime(np.repeat(["2017-11-01", "2017-12-01"], 600)))


def test_only_the_feature_that_moved_has_drifted(knobs):
    knobs = knobs.model_copy(update={"features": ["spend_30d", "median_gap_days"]})
    moved = monitor.of_features(shifted(2.0), date(2017, 11, 1), START, knobs).set_index("name")
    assert moved["status"].to_dict() == {"spend_30d": "drifted", "median_gap_days": "stable"}
    same = monitor.of_features(shifted(1.0), date(2017, 11, 1), START, knobs)
    (still,) = monitor.checks(compare(knobs, made=predictions.read(paths.reports("live", "none"))), same)
    assert still.passed and still.numbers["moved"] == [] and still.numbers["rows"] == 2
    first, *others = monitor.checks(compare(knobs), moved.reset_index())
    assert (first.kind, first.passed, first.blocks) == (Kind.DRIFT, False, False)
    assert [row["name"] for row in first.numbers["moved"]] == ["spend_30d"]
    assert [check.kind for check in others] == [Kind.FORECASTS, Kind.CALIBRATION]
    assert monitor.checks(compare(knobs), moved.reset_index(), drift_blocks=True)[0].result == "failed"
    for worst in (monitor.STABLE, monitor.WATCH, monitor.DRIFTED):
        assert "spend_30d" in words.render("monitor_drift", check=first, moved=moved, worst=worst)
    assert figures.drift(moved.reset_index(), knobs).get_yticklabels()[0].get_text().startswith("spend_30d")
    plt.close("all")


def test_an_unknown_feature_is_named(knobs):
    with pytest.raises(ParamError, match=r"monitor\.features: .*orders_30d, .*no such column"):
        monitor.of_features(shifted(1.0), date(2017, 11, 1), START, knobs)


def test_forecasts_that_moved_are_seen_beside_features(knobs):
    knobs = knobs.model_copy(update={"features": ["spend_30d"]})
    crowd = "".join(chr(200 + n) for n in range(300))
    made = predicted(people=facts(crowd, next_order_days=np.linspace(5, 10, 300)))
    windows = params.load("decide").windows
    table = monitor.drift_of(made, facts(crowd, next_order_days=np.linspace(20, 40, 300)), shifted(1.0), windows, knobs)
    assert table.iloc[0]["name"] == "next_order_days" and table.iloc[0]["status"] == "drifted"
    assert set(table["kind"]) == {"feature", "forecast"}


def test_what_earlier_predictions_did_not_keep_is_not_called_drifted(knobs):
    crowd = "".join(chr(200 + n) for n in range(300))
    made = predicted(people=facts(crowd, next_order_days=np.nan))
    found = monitor.of_scores(made, facts(crowd), knobs)
    assert "next_order_days" not in set(found["name"]) and set(found["status"]) == {"stable"}


def test_figures_show_tenths_and_groups(knobs):
    crowd = facts("".join(chr(200 + n) for n in range(100)), p_repurchase=np.linspace(0.05, 0.95, 100))
    rows = [(member, "milk", "2017-12-02", 1000) for member in crowd["member_id"][50:]]
    found = compare(knobs, rows, predicted(people=crowd), members="".join(crowd["member_id"]))
    assert len(figures.came_true(found).lines[0].get_xdata()) == 10
    names = [label.get_text() for label in figures.ratios(found).get_yticklabels()]
    assert "repurchase, all (100)" in names and "spend, stage active (100)" in names
    assert len(figures.judged(found)) == 2
    assert f"ratio {found.overall('repurchase')['ratio']:.2f}" in said(found)
    plt.close("all")


def test_forecasts_that_are_right_on_average_and_wrong_for_each_fail_the_check_of_calibration(knobs):
    people = "".join(chr(200 + n) for n in range(400))
    crowd = facts(people, p_repurchase=np.repeat([0.05, 0.95], 200), expected_spend=150.0)
    rows = [(member, "milk", "2017-12-02", 100) for member in people[::2]]
    found = compare(knobs, rows, predicted("gp_topfreq", people=crowd), members=people)
    knobs = knobs.model_copy(update={"features": ["spend_30d"]})
    still = monitor.of_features(shifted(1.0), date(2017, 11, 1), START, knobs)
    checks = {check.kind: check for check in monitor.checks(found, still)}
    passed = {kind: check.passed for kind, check in checks.items()}
    assert passed == {Kind.DRIFT: True, Kind.FORECASTS: True, Kind.CALIBRATION: False}
    slopes = {row["outcome"]: row["status"] for row in checks[Kind.CALIBRATION].numbers["rows"]}
    assert slopes["repurchase"] == "drifted"
    assert {row["outcome"] for row in checks[Kind.FORECASTS].numbers["rows"]} == {"repurchase", "spend"}


@pytest.mark.parametrize("limits", [{"watch": 0.3, "drifted": 0.2}, {"watch": 0, "drifted": 0.2}])
def test_thresholds_rise_and_are_above_zero(limits):
    with pytest.raises(ParamError, match=r"monitor\.psi"):
        params.parse(params.read(), {"monitor.psi": limits})


def test_a_list_is_kept_in_its_order():
    assert json.loads(predicted()["items"].iloc[0]) == ["bread", "milk"]
