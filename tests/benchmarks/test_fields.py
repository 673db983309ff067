"""What is checked in the outputs of other fields, on a run of a few members whose faults are known."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from benchmarks import fields, fields_checks, fields_judged
from benchmarks.fields_checks import CHECKS, Stored

AS_OF = pd.Timestamp("2026-03-01")


def day(number: int) -> pd.Timestamp:
    """The day of scoring, and `number` days on."""
    return AS_OF + pd.Timedelta(days=number)


def events(*rows: tuple) -> pd.DataFrame:
    """Events of (member, kind, day, amount, item)."""
    frame = pd.DataFrame(rows, columns=["member_id", "kind", "local_at", "amount", "item_id"])
    frame["local_at"] = frame["local_at"].map(day)
    back = frame["kind"].isin(("purchase", "renewal"))
    return frame.assign(event_id=[f"e{n}" for n in range(len(frame))], comes_back=back, pays=back)


def run(**changed) -> Stored:
    """A subscription on the day of scoring: a pays by the year, b by the month, c left in February, d only looked."""
    tables = {
        "members": pd.DataFrame(
            {
                "member_id": list("abcd"),
                "joined_at": [day(-200), day(-90), day(-90), day(-9)],
                "left_at": [pd.NaT, pd.NaT, day(-10), pd.NaT],
            }
        ),
        "events": events(
            ("a", "purchase", -200, 19900, "pro"),
            ("b", "purchase", -90, 990, "basic"),
            ("b", "renewal", -30, 990, "basic"),
            ("b", "renewal", 1, 990, "basic"),
            ("c", "purchase", -90, 990, "basic"),
            ("d", "view", -5, 0, "pro"),
        ),
        "contracts": pd.DataFrame(
            {
                "member_id": list("abc"),
                "starts_at": [day(-200), day(-90), day(-90)],
                "ends_at": [day(165), pd.NaT, day(-10)],
                "price": [19900, 990, 990],
            }
        ),
        "repurchase": pd.DataFrame({"member_id": list("abd"), "p_repurchase": [0.02, 0.9, 0.1]}),
        "profile": pd.DataFrame({"member_id": list("abcd"), "stage": ["active", "active", "left", "prospect"]}),
        "value": pd.DataFrame({"member_id": list("abd"), "expected_spend": [0.0, 900.0, 50.0]}),
        "allocations": pd.DataFrame({"member_id": ["b"], "cost": [40.0]}),
        "actions": pd.DataFrame({"member_id": list("abd"), "benefits": ["", "digest", ""]}),
    }
    given = {"as_of": AS_OF, "holdout_end": day(30), "horizon_days": 30, "repurchase_days": 30, "k": 1, "budget": 50.0}
    tables |= changed.pop("tables", {})
    return Stored(tables=tables, **(given | changed))


def test_a_sound_run_passes_every_check_that_has_something_to_look_at():
    found = fields_checks.run_all(run())
    assert len(found) == 8 and all(one.right for one in found.values()), found


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("who left gets nothing", {"allocations": pd.DataFrame({"member_id": ["c"], "cost": [40.0]})}),
        ("who left gets nothing", {"repurchase": pd.DataFrame({"member_id": list("bc"), "p_repurchase": [0.5, 0.5]})}),
        ("who left gets nothing", {"actions": pd.DataFrame({"member_id": ["c"], "benefits": ["digest"]})}),
        ("who left is no prospect", {"profile": pd.DataFrame({"member_id": ["c"], "stage": ["prospect"]})}),
        ("who is paid up has not lapsed", {"profile": pd.DataFrame({"member_id": ["a"], "stage": ["lapsed"]})}),
        ("who is paid up has not lapsed", {"profile": pd.DataFrame({"member_id": ["a"], "stage": ["prospect"]})}),
        ("renewals make value", {"value": pd.DataFrame({"member_id": ["b"], "expected_spend": [0.0]})}),
        ("total value is near what came", {"value": pd.DataFrame({"member_id": ["b"], "expected_spend": [2000.0]})}),
        (
            "coming back is as often as forecast",
            {"repurchase": pd.DataFrame({"member_id": ["a", "b"], "p_repurchase": [0.9, 0.9]})},
        ),
        ("the budget is kept", {"allocations": pd.DataFrame({"member_id": ["b"], "cost": [90.0]})}),
        ("everybody there has one row", {"actions": pd.DataFrame({"member_id": ["a", "a"], "benefits": ["", ""]})}),
    ],
)
def test_a_fault_fails_its_check(check, fault):
    assert not CHECKS[check](run(tables=fault)).right


def test_who_came_lately_has_not_lapsed():
    lately = events(("b", "purchase", -3, 990, "basic"))
    for stage, right in (("active", True), ("lapsed", False)):
        profile = pd.DataFrame({"member_id": ["b"], "stage": [stage]})
        found = CHECKS["who came lately has not lapsed"](run(tables={"events": lately, "profile": profile}))
        assert found.right == right


def test_where_silence_is_healthy_nobody_is_at_risk():
    profile = pd.DataFrame({"member_id": list("ab"), "stage": ["active", "at_risk"]})
    assert CHECKS["silence is no risk"](run()) is None
    assert not CHECKS["silence is no risk"](run(silence_is_risk=False, tables={"profile": profile})).right
    assert CHECKS["silence is no risk"](run(silence_is_risk=False)).right


def lists(*items: str) -> pd.DataFrame:
    """The challenger's list for member b."""
    ranks = range(1, len(items) + 1)
    return pd.DataFrame({"policy": "challenger", "member_id": "b", "rank": ranks, "item_id": items})


def test_a_list_that_holds_half_the_catalogue_makes_recall_trivial():
    for listed, right in ((("pro",), True), (("pro", "basic"), False)):
        found = CHECKS["lists are shorter than the catalogue"](run(tables={"recommendations": lists(*listed)}))
        assert found.right == right


def test_lists_of_a_field_in_which_nothing_is_had_twice_hold_what_is_new():
    for item, right in (("pro", True), ("basic", False)):
        told = run(new_first=True, tables={"recommendations": lists(item)})
        assert CHECKS["what is new comes first"](told).right == right


def test_an_item_of_the_future_cannot_be_listed():
    check = CHECKS["nothing is listed that did not exist"]
    assert check(run(tables={"recommendations": lists("pro")})).right
    assert not check(run(tables={"recommendations": lists("platinum")})).right


def test_points_outstanding_are_those_of_the_books():
    books = pd.DataFrame(
        {"member_id": ["a", "a", "b"], "at": [day(-40), day(2), day(-5)], "earned": [100, 50, 30]}
    ).assign(redeemed=[20, 0, 0], expired=0)
    for points, right in (([80, 30], True), ([130, 30], False)):
        tiers = pd.DataFrame({"member_id": ["a", "b"], "points": points})
        assert CHECKS["points are those of the books"](run(tables={"points": books, "tiers": tiers})).right == right


def test_counts_of_the_raw_files_are_held_against_the_tables():
    assert CHECKS["members are those of the files"](run(facts={"members": 4})).right
    assert not CHECKS["who left is who left in the files"](run(facts={"left": 2})).right
    assert not CHECKS["coming back is what it is in the files"](run(facts={"returns": 6})).right
    assert CHECKS["spend is that of the files"](run(facts={"cents": 19900 + 4 * 990})).right
    assert CHECKS["days of coming back are those of the files"](run(facts={"days": 5})).right
    assert CHECKS["spend is that of the files"](run()) is None


def test_coming_back_is_judged_against_what_was_known_on_the_day():
    told = run()
    members = told.tables["members"]
    chance = pd.Series([0.02, 0.9, 0.1], index=list("abd"))
    found = fields_judged.returns(chance, members, told.events, AS_OF, 31)
    assert found.happened.to_dict() == {"a": False, "b": True, "d": False}
    # a month before: a, b and c were there (d was not), and b alone came back in the month that followed
    assert found.chances["base_rate"].iloc[0] == pytest.approx(1.5 / 4)
    # nobody had come in the month before that: so those who then came count among the others, 1 of 3
    assert found.chances["last_time"].to_dict() == pytest.approx({"a": 1.5 / 4, "b": 0.5, "d": 1.5 / 4})
    paired = found.paired("base_rate")
    ours = -np.mean(np.log([0.98, 0.9, 0.9]))
    assert paired.ours == pytest.approx(ours) and paired.members == 3
    assert paired.theirs == pytest.approx(-np.mean(np.log([0.625, 0.375, 0.625])))
    assert paired.difference < 0 and paired.reading == "better"


def test_who_left_is_not_known_any_more():
    told = run()
    assert set(fields_judged.known(told.tables["members"], told.events, AS_OF)) == {"a", "b", "d"}
    assert set(fields_judged.known(told.tables["members"], told.events, day(-11))) == {"a", "b", "c"}


def test_lists_are_judged_against_what_most_members_had():
    history = events(
        ("a", "purchase", -9, 1, "x"), ("b", "purchase", -9, 1, "x"), ("b", "purchase", -8, 1, "y"),
        ("a", "purchase", 1, 1, "x"), ("a", "purchase", 1, 1, "y"), ("a", "purchase", 2, 1, "z"),
        ("b", "purchase", 3, 1, "x"),
    )  # fmt: skip
    own = pd.DataFrame({"member_id": ["a", "b"], "rank": 1, "item_id": ["y", "y"]})
    window = (AS_OF, day(30))
    every = fields_judged.recall(own, history, window, 1, new_only=False)
    assert (every.ours, every.theirs, every.members) == (0.25, 0.75, 2)  # a's next order is x and y, b's is x
    new = fields_judged.recall(own, history, window, 1, new_only=True)
    assert (new.ours, new.theirs, new.members) == (1.0, 1.0, 1)  # y alone is new, and to a alone
    assert fields_judged.recall(own, history, (day(40), day(50)), 1, new_only=True) is None


def test_a_difference_whose_interval_holds_zero_is_equal():
    unsure = fields_judged.Paired("recall", "popularity", 9, 0.2, 0.1, 0.1, -0.1, 0.3, lower_is_better=False)
    assert unsure.reading == "equal"
    assert dataclasses.replace(unsure, low=0.01).reading == "better"
    assert dataclasses.replace(unsure, low=0.01, lower_is_better=True).reading == "worse"


def test_a_data_set_is_right_only_if_it_ran_to_its_end_and_every_check_holds():
    one = {"rc": 0, "failed": [], "checks": {"budget": {"found": "", "right": True}}}
    assert fields.right(one)
    assert not fields.right(one | {"rc": 1}) and not fields.right(one | {"failed": ["value"]})
    assert not fields.right(one | {"checks": {"budget": {"found": "", "right": False}}})
