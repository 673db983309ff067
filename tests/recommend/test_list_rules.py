"""Rules of the business, on a catalogue of ten items and lists made by hand."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from membership.base.errors import ParamError
from membership.recommend import policies, rule_costs, rules
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.policy import Recommender
from membership.settings.recommend import Recommend, Rules

DAY = date(2024, 6, 1)
IDS = np.array(list("abcdefghij"))
ITEMS = pd.DataFrame(
    {
        "item_id": IDS,
        "category": ["fruit"] * 4 + ["bread"] * 4 + [None, None],
        "margin": [1.0, 2, 3, 4, 5, 6, 7, 8, 9, np.nan],
    }
)
RANKED = np.array([list("abcdef"), list("fedcba")])  # of members m and n; their scores are .6, .5, ... .1


def known() -> Baskets:
    """Member m bought a 3 days ago and b 40 days ago, n bought everything 3 days ago; h sells best of what is left."""
    member = np.array([0, 0, *[1] * 10], dtype=np.int32)
    item = np.array([0, 1, *range(10)], dtype=np.int32)
    basket = np.array([0, 1, *[0] * 10], dtype=np.int32)
    age = np.array([3, 40, *[3] * 10], dtype=np.int32)
    return Baskets(DAY, np.array(["m", "n"]), IDS, member, item, basket, age)


def top(rows, k):
    columns, scores = np.full((len(rows), k), -1), np.zeros((len(rows), k))
    columns[:, :6] = np.searchsorted(IDS, RANKED[rows])[:, :k]
    scores[:, :6] = np.linspace(0.6, 0.1, 6)[:k]
    return columns, scores


def listed(members="m", k=4, items=ITEMS, **given) -> list[str]:
    made = rules.ruled(Recommender("toy", known(), top), Rules(**given), items, DAY)
    return ["".join(row) for row in made.recommend(np.array(list(members)), k)[0]]


def test_without_rules_a_policy_is_itself():
    policy = Recommender("toy", known(), top)
    assert rules.ruled(policy, Rules(), ITEMS, DAY) is policy


def test_what_is_blocked_makes_room_for_what_comes_next():
    assert listed(blocked=["a", "c"]) == ["bdef"]


def test_pins_come_first_in_their_order_and_once():
    assert listed(pinned=["j", "b"]) == ["jbac"]


def test_there_are_at_most_so_many_of_a_category_and_any_number_of_none():
    assert listed(k=5, at_most={"category": 2}) == ["abefi"]  # then what sells best: i and j have no category
    assert listed(k=6, at_most={"category": 2}) == ["abefij"]


def test_what_was_bought_lately_is_left_out_for_those_who_bought_it():
    assert listed(not_within_days=3) == ["bcde"]
    assert listed(not_within_days=2) == ["abcd"]
    assert listed(not_within_days=40) == ["cdef"]


def test_a_member_whose_whole_history_is_ruled_out_gets_what_is_left_and_nothing_where_that_is_nothing():
    assert listed("n", not_within_days=3) == [""]
    assert listed("n", not_within_days=3, pinned=["c"]) == ["c"]
    assert listed("m", k=3, blocked=["a", "b"]) == ["cde"]


def test_a_member_without_a_history_gets_what_sells_best_within_the_rules():
    assert listed("x", k=3, blocked=["a"], pinned=["i"]) == ["ibc"]


def test_availability_counts_from_its_first_day_to_its_last():
    days = pd.DataFrame({"available_from": [None] * 10, "available_until": [None] * 10}, dtype=object)
    items = ITEMS.join(days)
    items.loc[0, "available_from"], items.loc[1, "available_from"] = "2024-06-01", "2024-06-02"
    items.loc[2, "available_until"], items.loc[3, "available_until"] = "2024-05-31", "2024-06-01"
    assert listed(items=items, pinned=["j"]) == ["jade"]


def test_a_soft_weight_moves_what_stands_higher_by_its_column():
    assert listed(k=6, favour={"margin": 0.0}) == ["abcdef"]
    assert listed(k=6, favour={"margin": 10.0}) == ["fedcba"]  # .1 e^(60/9) > .2 e^(50/9) > ...


def test_scores_stay_those_of_the_policy():
    made = rules.ruled(Recommender("toy", known(), top), Rules(blocked=["a"], pinned=["c"]), ITEMS, DAY)
    ids, scores = made.recommend(np.array(["m"]), 3)
    assert "".join(ids[0]) == "cbd" and scores[0] == pytest.approx([0.4, 0.5, 0.3])


def with_carts(members: str, k: int, carts: list[tuple[str, str]], **given) -> list[str]:
    baskets = replace(known(), carts=pd.DataFrame(carts, columns=["member_id", "item_id"]))
    made = rules.ruled(Recommender("toy", baskets, top), Rules(**given), ITEMS, DAY)
    return ["".join(row) for row in made.recommend(np.array(list(members)), k)[0]]


CARTS = [("m", "e"), ("m", "b"), ("n", "z"), ("x", "a")]  # z is no item; of x there is no history


def test_what_is_in_the_cart_is_left_out_of_its_members_list_alone():
    assert with_carts("mnx", 4, CARTS, in_cart={"days": 7}) == ["acdf", "fedc", "abcd"]
    assert with_carts("m", 4, CARTS, in_cart={"days": 7}, pinned=["b"]) == ["bacd"]


def test_what_is_in_the_cart_is_listed_first_after_the_pins_and_within_the_other_rules():
    first = {"in_cart": {"days": 7, "listed": "first"}}
    assert with_carts("mnx", 4, CARTS, **first) == ["ebac", "fedc", "abcd"]
    assert with_carts("m", 4, CARTS, **first, pinned=["j", "b"], not_within_days=40) == ["jbec"]
    assert with_carts("m", 4, CARTS, **first, blocked=["e"], at_most={"category": 1}) == ["bfij"]


def test_a_cart_changes_nothing_where_no_rule_says_so():
    assert with_carts("m", 4, CARTS, blocked=["j"]) == with_carts("m", 4, [], blocked=["j"])


PLACES = ITEMS.assign(shop=["x", "y", "y", None, "x", *[None] * 5], limit=[None, 18, None, *[None] * 6, "21"])
PEOPLE = pd.DataFrame({"member_id": ["n", "m"], "shop": ["x", "y"], "age": [20.0, np.nan], "name": ["Ann", "Bob"]})


def told(members="m", k=6, people=PEOPLE, **given) -> list[str]:
    made = rules.ruled(Recommender("toy", known(), top), Rules(**given), PLACES, DAY, rules.Beside(people))
    return ["".join(row) for row in made.recommend(np.array(list(members)), k)[0]]


def test_what_another_shop_sells_is_not_listed_and_what_no_shop_is_known_of_is():
    assert told("mn", same=["shop"]) == ["bcdfgh", "fedagh"]  # then what sells best
    assert told("x", k=3, same=["shop"]) == ["abc"]  # of who has no history nothing is known
    assert told(people=PEOPLE.assign(shop=[None, "x"]), same=["shop"]) == ["adefgh"]
    assert told("n", people=PEOPLE.assign(shop=[None, "x"]), same=["shop"]) == ["fedcba"]


def test_an_age_limit_holds_for_who_is_younger_or_of_unknown_age_and_for_pins():
    assert told("n", at_least={"limit": "age"}) == ["fedcba"]
    assert told("n", at_least={"limit": "age"}, pinned=["j", "b"]) == ["bfedca"]
    assert told("m", at_least={"limit": "age"}, pinned=["j", "b"]) == ["acdefg"]
    assert told("x", k=2, at_least={"limit": "age"}) == ["ac"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"same": ["town"]}, r"rules.same: table 'items' has no column 'town'"),
        ({"same": ["category"]}, r"rules.same: table 'members' has no column 'category'; there are: shop, age, name"),
        ({"at_least": {"limit": "years"}}, r"at_least: table 'members' has no column 'years'"),
        ({"at_least": {"limit": "name"}}, r"at_least: members.name is no number in 2 rows, e.g. 'Ann'"),
        ({"at_least": {"category": "age"}}, r"at_least: items.category is no number in 8 rows"),
    ],
)
def test_what_is_not_known_of_items_or_members_is_named(given, message):
    with pytest.raises(ParamError, match=message):
        told(**given)
    with pytest.raises(ParamError, match=r"table 'members' has no column|'items'|items.category"):
        told(people=None, **given)


def test_who_comes_in_later_is_served_by_shop_and_age_as_a_batch_is():
    p = SimpleNamespace(recommend=Recommend(rules=Rules(same=["shop"], at_least={"limit": "age"})), seed=0)
    serve = policies.with_network("gp_topfreq", {}, None, known(), PLACES, p, rules.Beside(PEOPLE))
    batch = policies.serve("gp_topfreq", {}, Recommender("toy", known(), top), PLACES, p, rules.Beside(PEOPLE))
    both = np.array(["m", "n"])
    for member in both:
        rows = known().members[known().member] == member
        lines = {name: getattr(known(), name)[rows] for name in ("item", "basket", "age")}
        alone = replace(known(), members=np.array([member]), member=np.zeros(rows.sum(), dtype=np.int32), **lines)
        assert np.array_equal(serve(alone).recommend([member], 6)[0], batch.recommend([member], 6)[0])
    ids = batch.recommend(both, 10)[0]
    assert not np.isin(ids[0], ["a", "e", "b", "j"]).any() and not np.isin(ids[1], ["b", "c", "j"]).any()


def test_shops_that_no_member_has_are_named():
    with pytest.raises(ParamError, match="no item's 'shop' is that of any member"):
        told(people=PEOPLE.assign(shop="z"), same=["shop"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"blocked": ["z"]}, r"rules.blocked: unknown items: z"),
        ({"pinned": ["z"]}, r"rules.pinned: unknown items: z"),
        ({"blocked": list("abcdefghij")}, r"blocked leaves no item"),
        ({"pinned": ["a"], "blocked": ["a"]}, r"pinned: 'a' is blocked, too"),
        ({"pinned": ["a", "b"], "at_most": {"category": 1}}, r"2 pins of one category, .* allows 1"),
        ({"at_most": {"shop": 1}}, r"at_most: table 'items' has no column 'shop'"),
        ({"favour": {"category": 1.0}}, r"favour: items.category holds no numbers"),
    ],
)
def test_what_cannot_be_kept_is_named(given, message):
    with pytest.raises(ParamError, match=message):
        listed(**given)


def test_what_is_not_available_on_any_day_or_pinned_although_it_is_not_is_named():
    gone = ITEMS.assign(available_until="2024-01-01")
    with pytest.raises(ParamError, match=r"availability on 2024-06-01 .* leaves no item"):
        listed(items=gone, blocked=["a"])
    partly = gone.assign(available_until=["2024-01-01", *["2024-12-31"] * 9])
    with pytest.raises(ParamError, match=r"pinned: 'a' is not available on 2024-06-01"):
        listed(items=partly, pinned=["a"])


def test_each_rule_is_priced_alone_and_with_the_others():
    matrix = np.zeros((2, 10))
    matrix[0, 0] = matrix[1, 5] = 1  # m buys a next, which it ranks first, and n buys f
    from scipy import sparse

    after = Targets(np.array(["m", "n"]), sparse.csr_array(matrix), np.zeros(2, dtype=np.int64))
    asked = Rules(blocked=["a"], favour={"margin": 0.0})
    found = rule_costs.costs(Recommender("toy", known(), top), asked, ITEMS, DAY, after, 2).set_index("rule")
    assert found.index.tolist() == ["none", "blocked", "favour", "all"]
    assert found["recall"].tolist() == [1.0, 0.5, 1.0, 0.5]
    assert found["changed"].tolist() == [0.0, 0.25, 0.0, 0.25]  # of m's ab b stays, n's fe is as it was
    assert found.loc["none", "margin"] == (1 + 2 + 6 + 5) / 4
    assert rule_costs.costs(Recommender("toy", known(), top), Rules(), ITEMS, DAY, after, 2).empty
    plain = rule_costs.costs(Recommender("toy", known(), top), Rules(blocked=["a"]), ITEMS, DAY, after, 2)
    assert plain["margin"].tolist() == [3.5, 4.0, 4.0]  # of fe and ab, then of fe and bc
