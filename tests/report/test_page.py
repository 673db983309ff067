"""A member's page: what is known, what is missing and how to make it, nothing of the future, nothing unescaped."""

from datetime import date

import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import DataError
from membership.report.member_page import page

AS_OF = date(2017, 3, 1)


def frames():
    ids = ["1", "2", "12"]
    one = {"member_id": "1"}
    value = one | {"value": 12_345.0, "value_low": 1000.0, "value_high": 30_000.0, "p_alive": 0.9999}
    value |= {"p_repurchase": 0.5, "residual_value": 99_900.0, "expected_orders": 3.5, "rfm_segment": "champions"}
    value |= {"recency_score": 5, "frequency_score": 2, "monetary_score": 1, "value_group": "high value"}
    profile = one | {"stage": "at_risk", "persona": "More <wine>", "main_need": "wine", "stated_need": None}
    tier = one | {"tier": "Silver", "points": 1200, "next_tier": "Gold", "spend_to_next": 5000, "to_next": 5000}
    event = one | {"kind": "purchase", "currency": "EUR", "amount": 250, "item_id": "w"}
    return {
        "members": pd.DataFrame({"member_id": ids}),
        "value": pd.DataFrame([value]),
        "profile": pd.DataFrame([profile | {"top_category": "WINE"}]),
        "needs": pd.DataFrame(
            [("1", "wine", "behaviour", 1.4), ("1", "tea", "survey", 2.1), ("2", "rum", "behaviour", 3.0)],
            columns=["member_id", "need", "source", "score"],
        ),
        "lifecycle_history": pd.DataFrame(
            {"member_id": "1", "as_of": pd.to_datetime(["2017-02-01", "2017-03-01"]), "stage": ["active", "at_risk"]}
        ),
        "tiers": pd.DataFrame([tier | {"qualifying": 15_000, "about_to_drop": True}]),
        "allocations": pd.DataFrame({"member_id": ["1", "2"], "benefit": ["free_delivery", "member_discount"]}),
        "actions": pd.DataFrame(
            [one | {"next_action": "Call", "item_1": "Rum & co", "item_1_reason": "bought < 3 times"}]
        ),
        "survey": pd.DataFrame(
            [("1", "best_thing", "the <b>tea</b>", pd.NaT), ("1", "late", "unseen", pd.Timestamp("2017-03-01"))],
            columns=["member_id", "question", "answer", "asked_at"],
        ),
        "events": pd.DataFrame(
            [
                event | {"order_id": "o1", "local_at": pd.Timestamp("2017-02-28 20:00")},
                event | {"order_id": "o2", "local_at": pd.Timestamp("2017-03-01 00:00"), "amount": 77_700},
            ]
        ),
        "items": pd.DataFrame({"item_id": ["w"], "name": ["Claret"]}),
    }


def test_a_page_holds_all_that_is_known():
    text = page.build("1", frames(), AS_OF)
    for told in (
        ["Member 1", "1 March 2017", "stage: at risk", "tier: Silver", "Next:</b> Call"],
        ["123 EUR", "999 EUR", "&gt; 99%", "50%", "champions", "5 of 5", "1 of 5"],
        ["+1.4", "+2.1", "free delivery", "About to drop", "50.00 EUR of spend to Gold", "1,200 points"],
        ["2017-02-28", "claret", "2.50", "2017-02-01: active"],
    ):
        assert [word for word in told if word not in text] == []


def test_text_from_tables_is_escaped():
    text = page.build("1", frames(), AS_OF)
    assert "More &lt;wine&gt;" in text
    assert "Rum &amp; co" in text
    assert "the &lt;b&gt;tea&lt;/b&gt;" in text
    assert "<b>tea" not in text


def test_nothing_of_another_member_and_nothing_on_or_after_the_cutoff_is_shown():
    text = page.build("1", frames(), AS_OF)
    assert not [word for word in ("rum<", "member discount", "777.00", "2017-03-01</td>", "unseen") if word in text]


@pytest.mark.parametrize("name", [name for name in page.MADE_BY if name not in ("members", "items")])
def test_a_missing_table_is_said_to_be_missing_and_how_to_make_it(name):
    known = frames()
    del known[name]
    text = page.build("1", known, AS_OF)
    assert f"Not made yet: {name}. Run <code>dvc repro {page.MADE_BY[name]}</code>." in text


def test_a_member_of_whom_nothing_is_known_has_a_page_that_says_so():
    text = page.build("2", {name: frame[frame["member_id"] != "2"] if name not in ("members", "items") else frame
                            for name, frame in frames().items()}, AS_OF)  # fmt: skip
    for told in (
        "Too little is known",
        "Did not answer; nothing is assumed",
        "Nothing bought yet",
        "No value",
        "No tier",
    ):
        assert told in text


def test_only_the_members_are_needed():
    assert page.build("2", {"members": frames()["members"]}, AS_OF).count("Not made yet") == 8


def test_a_typical_member_is_said_to_be_typical_where_that_is_known():
    known = frames()
    assert "How typical" not in page.build("1", known, AS_OF)
    known["profile"]["typicality"] = 0.75
    assert "How typical: 75%" in page.build("1", known, AS_OF)


def test_the_top_tier_and_no_benefit_are_shown_as_such():
    known = frames()
    known["tiers"] = known["tiers"].assign(next_tier=None, about_to_drop=False)
    known["allocations"] = known["allocations"].iloc[:0]
    text = page.build("1", known, AS_OF)
    assert "The highest tier" in text
    assert "Benefits: none" in text
    assert "About to drop" not in text


def test_an_unknown_member_is_an_error_that_names_the_nearest_ids():
    with pytest.raises(DataError, match=r"member '122' is not in table 'members'; the nearest ids are 12"):
        page.build("122", frames(), AS_OF)
    with pytest.raises(DataError, match="there are 3 members"):
        page.build("zzz", frames(), AS_OF)


def test_show_reads_what_is_stored_up_to_a_stage(workspace):
    members = pd.DataFrame({"member_id": ["1", "2"], "joined_at": pd.NaT})
    tables.write("members", members)
    tables.write("survey", pd.DataFrame({"member_id": ["1"], "question": "age", "answer": "65+", "asked_at": pd.NaT}))
    tables.write("needs", frames()["needs"])
    assert "65+" in page.show("1")._repr_html_()
    assert "wine" in page.show("1")._repr_html_()
    assert "wine" not in page.show("1", until="value")._repr_html_()
    with pytest.raises(DataError, match="no stage 'lunch'"):
        page.show("1", until="lunch")
