"""The default data: what its data card says is what is read."""

import pandas as pd
import pytest
from meaning import meant

from membership.base import tables
from membership.data.sources import complete_journey


@pytest.fixture(scope="module")
def data():
    return complete_journey.read("America/New_York", "USD")


def test_every_table_has_its_columns_types_and_a_unique_key(data):
    found = vars(data) | {"events": meant(data.events)}
    rows = {name: len(tables.check(name, found[name])) for name in vars(data) if name in tables.ALL}
    assert rows == dict.fromkeys(rows, 0) | {
        "members": 2469,
        "items": 92348,
        "events": 1469307,
        "survey": 5237,
        "offers": 27,
        "exposures": 6589,
    }


def test_a_line_of_a_basket_becomes_one_event_in_cents_and_local_time(data):
    line = data.events.set_index("event_id").loc["31198437603-1009200"]
    assert line.to_dict() == {
        "member_id": "1085",
        "item_id": "1009200",
        "kind": "purchase",
        "at": pd.Timestamp("2017-01-02 01:02:01"),
        "local_at": pd.Timestamp("2017-01-01 20:02:01"),
        "quantity": 1,
        "amount": 100,
        "discount": 0,
        "currency": "USD",
        "order_id": "31198437603",
        "channel": "store 334",
    }


def test_all_that_was_paid_and_given_off_is_there_to_the_cent(data):
    assert data.events["amount"].sum() == 459_603_958
    assert data.events["discount"].sum() == 82_255_319


def test_local_days_stay_within_the_year_that_utc_leaves(data):
    assert data.events["at"].max() >= pd.Timestamp("2018-01-01")
    days = data.events["local_at"]
    assert (days.min().date(), days.max().date()) == (
        pd.Timestamp("2017-01-01").date(),
        pd.Timestamp("2017-12-31").date(),
    )


def test_members_and_items_cover_every_event_answer_and_exposure(data):
    members = set(data.members["member_id"])
    for table in (data.events, data.survey, data.exposures):
        assert set(table["member_id"]) <= members
    assert set(data.events["item_id"]) <= set(data.items["item_id"])
    assert data.items.set_index("item_id").loc["5978656", "name"] == "product 5978656"


def test_missing_answers_are_left_out(data):
    answering = data.survey.groupby("question")["member_id"].nunique()
    assert answering["age"] == 801
    assert answering["home_ownership"] == 568
    assert data.survey["answer"].notna().all()


def test_a_redemption_lies_within_its_campaign_and_reasons_for_exposure_are_unknown(data):
    sent = data.exposures.merge(data.offers, on="offer_id", validate="many_to_one")
    redeemed = sent[sent["redeemed_at"].notna()]
    assert len(redeemed) == 792
    assert (redeemed["redeemed_at"] >= redeemed["starts_at"]).all()
    assert (redeemed["redeemed_at"] < redeemed["ends_at"]).all()
    assert sent[["arm", "propensity", "cost"]].isna().all(axis=None)
