"""A member's page: what is known, what is missing and how to make it, nothing of the future, nothing unescaped."""

import re
from datetime import date

import pandas as pd
import pytest

from membership.base import graph, tables
from membership.base.errors import DataError
from membership.base.member_schemas import MOVED
from membership.report.figures import repurchase as figures
from membership.report.member_page import page

AS_OF = date(2017, 3, 1)


def frames():
    ids = ["1", "2", "12"]
    one = {"member_id": "1"}
    value = one | {"value": 12_345.0, "value_low": 1000.0, "value_high": 30_000.0, "p_horizon": 0.9999}
    value |= {"p_repurchase": 0.5, "residual_value": 99_900.0, "expected_orders": 3.5, "rfm_segment": "champions"}
    value |= {"recency_score": 5, "frequency_score": 2, "monetary_score": 1, "value_group": "high value"}
    one | {"p_repurchase": 0.5, "next_order_days": 9.0, "expected_orders": 1.3}
    moved = {f"moved_{name}": 0.1 for name in MOVED} | {"moved_silence": -2.3}
    profile = one | {"stage": "at_risk", "persona": "More <wine>", "main_need": "wine", "stated_need": None}
    tier = one | {"tier": "Silver", "points": 1200, "next_tier": "Gold", "spend_to_next": 5000, "to_next": 5000}
    event = one | {"kind": "purchase", "comes_back": True, "currency": "EUR", "amount": 250, "item_id": "w"}
    return {
        "members": pd.DataFrame({"member_id": ids}),
        "value": pd.DataFrame([value]),
        "repurchase": pd.DataFrame(
            [one | {"p_repurchase": 0.5, "next_order_days": 9.0, "expected_orders": 1.3} | moved]
        ),
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


def shown(text):
    """Return the words of a page, without style and tags."""
    return re.sub(r"<style>.*?</style>|<[^>]+>", "\n", text, flags=re.DOTALL)


def test_a_page_holds_all_that_is_known():
    text = page.build("1", frames(), AS_OF)
    for told in (
        ["Member 1", "2017-03-01", "stage: at risk", "tier: Silver", "Call"],
        ["123 EUR", "999 EUR", "&gt; 99%", "50%", "champions", "5 of 5", "1 of 5"],
        ["+1.4", "+2.1", "free delivery", "About to drop", "50.00 EUR", "Gold", "1,200 points"],
        ["2017-02-28", "claret", "2.50", "2017-02-01: active"],
    ):
        assert [word for word in told if word not in shown(text)] == []


def test_text_from_tables_is_inert():
    hostile = '"><script>alert(1)</script>'
    known = frames()
    for name, column in (
        ("profile", "persona"), ("profile", "stage"), ("profile", "main_need"), ("profile", "top_category"),
        ("needs", "need"), ("needs", "source"), ("lifecycle_history", "stage"), ("tiers", "tier"),
        ("tiers", "next_tier"), ("allocations", "benefit"), ("actions", "next_action"), ("actions", "item_1"),
        ("actions", "item_1_reason"), ("survey", "question"), ("survey", "answer"), ("events", "currency"),
        ("items", "name"), ("value", "rfm_segment"), ("value", "value_group"),
    ):  # fmt: skip
        known[name] = known[name].assign(**{column: hostile if column != "source" else known[name][column]})
        text = page.build("1", known, AS_OF)
        assert "<script" not in text.lower(), (name, column)
        assert column == "source" or "&lt;script" in text.lower(), (name, column)
    assert "&amp;lt;" not in page.build("1", frames(), AS_OF)  # nothing is escaped twice


def test_nothing_of_another_member_and_nothing_on_or_after_the_cutoff_is_shown():
    text = shown(page.build("1", frames(), AS_OF))
    assert not [word for word in ("rum\n", "member discount", "777.00", "unseen") if word in text]
    assert text.count("2017-03-01") == 2  # the head, and the stage of that month start


@pytest.mark.parametrize("name", [name for name in page.TABLES if name not in ("members", "items")])
def test_a_missing_table_is_named_with_the_command_that_makes_it(name):
    known = frames()
    del known[name]
    text = page.build("1", known, AS_OF)
    assert f": {name}." in text
    assert f"<code>dvc repro {graph.maker(f'data/{name}.parquet')}</code>" in text
    assert text.count('class="missing"') == 1


def test_a_member_of_whom_nothing_is_known_has_a_page():
    only = {
        name: frame[frame["member_id"] != "2"] if name not in ("members", "items") else frame
        for name, frame in frames().items()
    }
    text = shown(page.build("2", only, AS_OF))
    assert "Member 2" in text
    assert not [word for word in ("wine", "Silver", "EUR", "nan", "None") if word in text]


def test_only_the_members_are_needed():
    text = page.build("2", {"members": frames()["members"]}, AS_OF)
    assert text.count('class="missing"') == text.count('class="card"') == 9


def test_a_typical_member_is_shown_as_typical_where_that_is_known():
    known = frames()
    assert "75%" not in shown(page.build("1", known, AS_OF))
    known["profile"]["typicality"] = 0.75
    assert "75%" in shown(page.build("1", known, AS_OF))


def test_what_moves_the_next_order_is_shown_the_strongest_first():
    text = shown(page.build("1", frames(), AS_OF))
    assert "9 days" in text and "-2.3" in text
    assert text.index(figures.MOVED["silence"]) < text.index(figures.MOVED["pace"])
    known = frames()
    known["repurchase"]["next_order_days"] = None
    assert "9 days" not in shown(page.build("1", known, AS_OF))


def test_the_top_tier_has_no_next_one():
    known = frames()
    known["tiers"] = known["tiers"].assign(next_tier=None, about_to_drop=False)
    known["allocations"] = known["allocations"].iloc[:0]
    text = shown(page.build("1", known, AS_OF))
    assert "Silver" in text
    assert not [word for word in ("Gold", "None", "About to drop", "free delivery", "50.00") if word in text]


def test_the_bars_of_a_need_are_as_long_as_its_score_and_cut_at_three():
    known = frames()
    del known["repurchase"]  # which has bars of its own
    known["needs"] = pd.DataFrame(
        [("1", "wine", "behaviour", 1.5), ("1", "tea", "behaviour", -6.0)],
        columns=["member_id", "need", "source", "score"],
    )
    found = re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="14"', page.build("1", known, AS_OF))
    assert found == [("300", "60.0"), ("180.0", "120.0")]


def test_an_unknown_member_is_an_error_that_names_the_nearest_ids():
    with pytest.raises(DataError, match=r"member '122' is not in table 'members'; the nearest ids are 12"):
        page.build("122", frames(), AS_OF)
    with pytest.raises(DataError, match="there are 3 members"):
        page.build("zzz", frames(), AS_OF)


def test_show_reads_what_is_stored(workspace):
    members = pd.DataFrame({"member_id": ["1", "2"], "joined_at": pd.NaT, "left_at": pd.NaT})
    tables.write("members", members)
    tables.write("survey", pd.DataFrame({"member_id": ["1"], "question": "age", "answer": "65+", "asked_at": pd.NaT}))
    text = page.show("1")._repr_html_()
    assert "65+" in text
    assert "wine" not in text
    tables.write("needs", frames()["needs"])
    assert "wine" in page.show("1")._repr_html_()
    with pytest.raises(DataError, match="is not in table 'members'"):
        page.show("3")
