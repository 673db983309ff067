"""New items: since when they are known, what their words say, and what is said of those that few took yet."""

from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from small_market import purchases, table

from membership.base.errors import DataError
from membership.recommend import arrivals, baskets, cold, policies, sources, texts

CUTOFF = date(2024, 2, 1)
ROWS = [
    ("ann", "milk", "2024-01-01 09:00"),
    ("bob", "milk", "2024-01-30 10:00"),
    ("ann", "bread", "2024-01-31 23:59"),
    ("bob", "soap", "2024-02-01 00:00"),
]
ITEMS = pd.DataFrame(
    {
        "item_id": ["bread", "cake", "gone", "late", "milk", "soap", "undated"],
        "name": ["white bread", "white bread with sugar", "old bread", "bread", "fresh milk", "soap", "bread"],
        "category": None,
        "available_from": ["2024-02-10", "2024-01-22", "2024-01-01", "2024-02-02", "2023-12-31", None, None],
        "available_until": [None, None, "2024-01-31", None, None, None, None],
        "is_product": True,
    }
)


def known(rows=ROWS, items=ITEMS):
    return arrivals.arrived(ibis.memtable(purchases(rows)), items, CUTOFF).to_dict()


def test_an_item_is_known_from_its_first_event_or_from_the_day_that_is_announced():
    assert known() == {"bread": 1, "cake": 10, "milk": 32}
    assert known(items=None) == {"bread": 1, "milk": 31}


def test_what_happens_from_the_cutoff_on_makes_no_item_known():
    later = [("ann", item, "2024-02-01 00:00") for item in ("undated", "late", "never seen")]
    assert known([*ROWS, *later]) == known()


def test_what_is_no_product_is_not_announced():
    assert "cake" not in known(items=ITEMS.assign(is_product=ITEMS["item_id"] != "cake"))


def test_a_day_that_is_no_date_is_named():
    with pytest.raises(DataError, match=r"items\.available_from.*'soon'"):
        known(items=ITEMS.assign(available_from="soon"))


def test_the_catalogue_holds_what_nobody_bought_where_it_is_asked_for(knobs):
    events = ibis.memtable(purchases(ROWS))
    knobs.cold = True
    found = baskets.history(events, CUTOFF, knobs, ITEMS)
    assert found.items.tolist() == ["bread", "cake", "milk"] and found.since.tolist() == [1, 10, 32]
    knobs.cold = False
    found = baskets.history(events, CUTOFF, knobs, ITEMS)
    assert found.items.tolist() == ["bread", "milk"] and found.since is None


def cosines(*said):
    vectors = texts.vectors(pd.Series(said))
    return (vectors @ vectors.T).toarray()


def test_items_of_like_words_are_alike_in_any_script():
    for same, like, other in (("red lantern", "RED lanterns", "blue soap"), ("牛奶面包", "牛奶面包卷", "香皂")):
        found = cosines(same, like.casefold(), other, "something else")
        assert found[0, 1] > 0.1 > 3 * found[0, 2]


def test_letters_count_the_same_composed_or_not_and_in_any_case():
    items = pd.DataFrame({"item_id": ["a", "b"], "name": ["CAFÉ", "cafe\u0301"]})
    assert texts.texts(["a", "b"], items).tolist() == ["café", "café"]


def test_an_item_without_text_and_a_text_that_all_share_say_nothing():
    assert cosines("red lantern", "", "soap")[1].tolist() == [0, 0, 0]
    assert not cosines("news", "news", "news").any()
    assert not texts.there(ITEMS.assign(name="news")) and not texts.there(None) and texts.there(ITEMS)
    assert not texts.there(ITEMS.assign(name=ITEMS["item_id"]))  # a name that repeats the id


def test_of_a_long_text_only_the_beginning_is_read():
    items = pd.DataFrame({"item_id": ["a", "b"], "text": ["x y " * 250_000, "soap"]})
    said = texts.texts(["a", "b"], items)
    assert said.str.len().tolist() == [texts.LONGEST, 4]
    assert np.isfinite(texts.vectors(said).data).all()


def test_of_an_id_given_twice_the_first_row_counts():
    items = pd.DataFrame({"item_id": ["a", "a"], "name": ["soap", "milk"]})
    assert texts.texts(["a", "b"], items).tolist() == ["soap", ""]


@pytest.fixture
def market(knobs):
    knobs.cold = True
    return baskets.history(ibis.memtable(purchases(ROWS)), CUTOFF, knobs, ITEMS)


def test_what_sells_now_and_what_is_new_are_counted_by_hand(market):
    found = cold.learn(market, None)  # bread, cake, milk; two members
    assert found.new == pytest.approx([1 / 2, 1 / 11, 1 / 33])
    assert found.now[0] == pytest.approx([0.5 / 2, 0, (0.5**2 + 0.5**31) / 2])
    assert found.words is None


def test_the_newest_come_first_and_of_one_day_what_sells_now(market):
    ids, _ = policies.peer("newest", {}, market).recommend(["ann"], 3)
    assert ids[0].tolist() == ["bread", "cake", "milk"]
    same = replace(market, since=np.array([10.0, 10.0, 10.0]))
    assert policies.peer("newest", {}, same).recommend(["ann"], 3)[0][0].tolist() == ["bread", "milk", "cake"]
    undated = replace(market, since=None)  # first bought 1 and 31 days ago, and never
    assert policies.peer("newest", {}, undated).recommend(["ann"], 3)[0][0].tolist() == ["cake", "bread", "milk"]


def test_words_lead_a_member_to_what_nobody_bought(market):
    said = {source.names[0]: source for source in sources.Sources(market, ITEMS).of(market)}
    scores = said["words_cold"].scores(np.arange(2))[0].toarray()
    ann, bob = market.rows(np.array(["ann", "bob"]))
    cake = market.items.tolist().index("cake")
    assert scores[ann, cake] > 0 == scores[bob, cake]


def test_without_texts_the_model_of_cold_items_knows_how_new_they_are(market):
    names = [name for source in sources.Sources(market, None).of(market) for name in source.names]
    assert {"now", "now_week", "new"} <= set(names) and "words" not in names


def test_a_model_lists_an_item_that_nobody_bought(frame, items, p):
    announced = {"item_id": "i99", "name": items["name"][0], "category": items["category"][0]}
    more = pd.concat([items, pd.DataFrame([announced])], ignore_index=True)
    more = more.assign(
        is_product=True, available_from=pd.to_datetime(np.where(more["item_id"] == "i99", "2024-05-31", ""))
    )
    wide = p.model_copy({"recommend": p.recommend.model_copy(update={"cold": True})})
    found = policies.fit("model", p.train.settings.model_dump(), table(frame), more, date(2024, 6, 1), wide)
    ids, scores = found.recommend(found.baskets.members, 41)
    assert (ids == "i99").any(axis=1).all() and np.isfinite(scores).all()
