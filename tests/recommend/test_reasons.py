"""Why an item is on a list: sentences counted by hand, and which source explains an item."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.recommend import baskets, policies
from membership.recommend.baskets import Baskets
from membership.recommend.candidates import Pairs
from membership.recommend.peers.registry import PEERS
from membership.recommend.reasons import reasons

BREAD, JAM, MILK, SOAP, TEA = range(5)
ITEMS = pd.DataFrame(
    {
        "item_id": ["bread", "jam", "milk", "soap", "tea"],
        "name": ["BREAD", "JAM", "MILK", "SOAP", "JAM"],
        "category": ["food", "food", "food", None, "drinks"],
    }
)
ANN, BEN, CID = range(3)


@pytest.fixture
def known() -> Baskets:
    """Ann: bread 30, 16 and 2 days ago, jam 16; Ben: bread and milk yesterday; Cid: soap and milk 5 days ago."""
    lines = [(ANN, BREAD, 0, 2), (ANN, BREAD, 1, 16), (ANN, JAM, 1, 16), (ANN, BREAD, 2, 30)]
    lines += [(BEN, BREAD, 0, 1), (BEN, MILK, 0, 1), (CID, MILK, 0, 5), (CID, SOAP, 0, 5)]
    columns = (np.array(column, dtype=np.int32) for column in zip(*lines, strict=True))
    return Baskets(date(2024, 1, 1), np.array(["ann", "ben", "cid"]), ITEMS["item_id"].to_numpy(str), *columns)


def of(known, row, column, name="gp_topfreq", pairs=None, items=ITEMS):
    words = PEERS[name].reason if pairs is None else ""
    return reasons(known, np.array([row]), np.array([column]), items, words, pairs)[0]


def said(scores: dict[str, list[float]]) -> Pairs:
    """What sources say of Ben and jam, soap and tea; and of the bread that he has."""
    item = np.array([BREAD, JAM, SOAP, TEA], dtype=np.int32)
    columns = np.array([[9.0, *score] for score in scores.values()], dtype=np.float32).T
    return Pairs(np.full(4, BEN, dtype=np.int32), item, item == BREAD, columns, list(scores))


def test_what_was_bought_is_explained_by_how_often_how_regularly_and_when(known):
    assert of(known, ANN, BREAD) == "bought 3 times, usual gap 14 days, 2 days ago"
    assert of(known, ANN, JAM) == "bought once, 16 days ago"
    assert of(known, BEN, MILK) == "bought once, 1 day ago"


def test_without_dates_time_is_counted_in_baskets(known):
    ordered = replace(known, cutoff=None, age=known.basket + 1)
    assert of(ordered, ANN, BREAD) == "bought 3 times, usual gap 1 basket, 1 basket ago"
    assert of(ordered, ANN, JAM) == "bought once, 2 baskets ago"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gp_topfreq", "sells well: 1 of 3 members bought it"),
        ("tifuknn", "bought by members like this one"),
        ("als", "bought by members like this one"),
        ("item_knn", "goes with BREAD, which this member buys"),
        ("content", "of category food, which this member buys"),
    ],
)
def test_a_peer_is_explained_by_what_it_goes_by(known, name, words):
    assert of(known, BEN, JAM, name) == words


def test_the_source_that_ranks_the_item_first_explains_it_whatever_its_scale(known):
    pairs = said({"follow": [5.0, 6.0, 7.0], "near": [0.3, 0.2, 0.1], "popular": [30, 90, 60]})
    assert of(known, BEN, JAM, "model", pairs) == "bought by members like this one"
    assert of(known, BEN, SOAP, "model", pairs) == "sells well: 1 of 3 members bought it"


def test_of_equal_ranks_the_more_personal_source_explains_it(known):
    pairs = said({"popular": [3, 2, 1], "near": [3, 2, 1], "alike_last": [3, 2, 1]})
    assert of(known, BEN, JAM, "model", pairs) == "goes with BREAD, which this member buys"


def test_a_source_that_says_nothing_of_an_item_does_not_explain_it(known):
    pairs = said({"near": [0, 0, 0], "popular": [1, 2, 3]})
    assert of(known, BEN, JAM, "model", pairs) == "sells well: 1 of 3 members bought it"


def test_the_item_that_leads_to_it_is_one_of_the_members_own(known):
    assert of(known, ANN, MILK, "item_knn") == "goes with BREAD, which this member buys"
    assert of(known, CID, BREAD, "item_knn") == "goes with MILK, which this member buys"


def test_where_no_own_item_leads_to_it_another_reason_is_given(known):
    assert of(known, CID, JAM, "item_knn") == "sells well: 1 of 3 members bought it"


def test_another_item_of_the_same_name_is_another_kind(known):
    both = replace(known, item=np.where((known.member == CID) & (known.item == SOAP), TEA, known.item))
    both = replace(both, item=np.where((both.member == CID) & (both.item == MILK), JAM, both.item))
    assert of(both, ANN, TEA, "item_knn") == "another kind of JAM, which this member buys"


def test_a_member_without_a_history_is_told_what_sells(known):
    words = "sells well: 2 of 3 members bought it; this member has too few baskets to say more"
    assert of(known, -1, MILK, "tifuknn") == words


def test_an_item_that_nobody_bought_is_new_or_of_a_known_category(known):
    drinks = ITEMS.assign(category=ITEMS["category"].replace("drinks", "food"))
    assert of(known, ANN, TEA, "content", items=drinks) == "of category food, which this member buys"
    words = "new: too few have bought it to say more"
    assert of(known, ANN, TEA, "content") == of(known, ANN, TEA, "item_knn") == words


def test_without_a_table_of_items_they_are_called_by_their_ids(known):
    assert of(known, BEN, JAM, "item_knn", items=None) == "goes with bread, which this member buys"
    assert of(known, BEN, JAM, "content", items=None) == "sells well: 1 of 3 members bought it"


@pytest.mark.parametrize("name", ["model", "gp_topfreq", "item_knn", "content"])
def test_every_listed_item_has_a_reason_that_does_not_depend_on_who_else_is_asked(name, events, items, p):
    known = baskets.history(events, p.windows.as_of, p.recommend)
    settings = {"learning_rate": 0.01, "weight_decay": 0.0, "dropout": 0.1, "hidden": 8} if name == "model" else {}
    fitted = policies.fit(name, settings, events, items, p.windows.as_of, p)
    members = np.append(known.members[:4], "nobody")
    ids, _ = fitted.recommend(members, 40)
    words = fitted.reasons(members, ids, items)
    assert ((words != "") == (ids != "")).all()
    repeat = fitted.baskets.bought(members, ids)
    assert all(word.startswith("bought ") and word.endswith(" ago") for word in words[repeat])
    assert not any(word.endswith(" ago") for word in words[~repeat])
    assert words[1].tolist() == fitted.reasons(members[1:2], ids[1:2], items)[0].tolist()
