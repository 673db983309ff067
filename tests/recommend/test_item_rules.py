"""Rules by a table, on a catalogue of ten items, two shops and lists made by hand."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from test_list_rules import DAY, IDS, ITEMS, known, top

from membership.base import tables
from membership.base.errors import DataError, ParamError
from membership.recommend import policies, rule_costs, rules
from membership.recommend.baskets import Targets
from membership.recommend.policy import Recommender
from membership.settings.recommend import Recommend, Rules

PEOPLE = pd.DataFrame({"member_id": ["m", "n"], "shop": ["east", "west"], "age": [17, 30]})


def table(*rows) -> pd.DataFrame:
    """Table `item_rules` of rows of item, rule and what else is said."""
    return tables.check("item_rules", pd.DataFrame([BARE | {"item_id": i, "rule": r} | more for i, r, more in rows]))


BARE = {"shop": "", "starts_at": None, "ends_at": None, "value": None}


def listed(*rows, members="m", k=4, people=PEOPLE, day=DAY, **given) -> list[str]:
    beside = rules.Beside(people, table(*rows))
    made = rules.ruled(Recommender("toy", known(), top), Rules(**given), ITEMS, day, beside)
    return ["".join(row) for row in made.recommend(np.array(list(members)), k)[0]]


def test_a_row_holds_from_its_first_day_to_its_last():
    week = {"starts_at": "2024-05-25 12:00", "ends_at": "2024-06-01 00:00"}
    for day, found in (((5, 24), "abcd"), ((5, 25), "bcde"), ((6, 1), "bcde"), ((6, 2), "abcd")):
        assert listed(("a", "blocked", week), day=date(2024, *day)) == [found]
    assert listed(("a", "available", {"ends_at": "2024-05-31"})) == ["bcde"]  # no other row of a holds


def test_what_is_available_in_a_shop_is_listed_to_its_members_and_to_those_of_whom_no_shop_is_known():
    rows = ("a", "available", {"shop": "east"}), ("f", "available", {"shop": "south"})
    assert listed(*rows, members="mnx", k=5) == ["abcde", "edcba"[:4] + "g", "abcde"]


def test_a_shop_blocks_and_pins_for_its_own_members_and_a_row_without_one_for_all():
    rows = ("a", "blocked", {"shop": "east"}), ("f", "blocked", {}), ("j", "pinned", {"shop": "west"})
    assert listed(*rows, members="mnx") == ["bcde", "jedc", "abcd"]


def test_pins_of_the_table_follow_those_of_the_settings_the_lowest_value_first():
    rows = ("i", "pinned", {"value": 2}), ("j", "pinned", {"value": 1}), ("h", "pinned", {})
    assert listed(*rows, k=5, pinned=["d"]) == ["djiha"]


def test_a_pin_of_all_shops_is_kept_where_its_item_is_available():
    rows = ("i", "pinned", {}), ("i", "available", {"shop": "east"}), ("a", "blocked", {"shop": "west"})
    assert listed(*rows, members="mnx") == ["iabc", "fedc", "iabc"]


def test_an_age_limit_holds_for_who_is_younger_or_of_unknown_age_and_for_pins():
    rows = ("a", "age", {"value": 18}), ("j", "age", {"value": 18}), ("j", "pinned", {})
    assert listed(*rows, members="mnx") == ["bcde", "jfed", "bcde"]


def test_a_member_whose_whole_history_is_unavailable_gets_what_is_left():
    gone = [(item, "available", {"ends_at": "2024-05-31"}) for item in "ab"]  # all that m bought
    assert listed(*gone) == ["cdef"]
    assert listed(*gone, k=10) == ["cdefghij"]


def test_another_shop_than_those_of_the_rows_gets_what_rows_of_all_shops_allow():
    people = PEOPLE.assign(shop=["north", "west"])
    rows = ("a", "available", {"shop": "east"}), ("b", "available", {}), ("b", "available", {"shop": "west"})
    assert listed(*rows, people=people) == ["bcde"]


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (("z", "blocked", {}), DataError, r"1 rows, e.g. z \(blocked\): unknown items"),
        (("a", "age", {}), DataError, r"a \(age\): an age limit without a value"),
        (("a", "age", {"value": 18, "shop": "east"}), DataError, r"an age limit of one shop"),
        (("a", "blocked", {"starts_at": "2024-02-02", "ends_at": "2024-02-01"}), DataError, r"end before they start"),
        (("b", "blocked", {}), DataError, r"'b' is pinned, but blocked .* on 2024-06-01;"),
        (("b", "available", {"ends_at": "2024-05-01"}), DataError, r"'b' is pinned, but blocked or not available"),
    ],
)
def test_rows_that_cannot_be_kept_are_named(row, error, message):
    with pytest.raises(error, match=message):
        listed(row, ("b", "pinned", {}))


def test_pins_and_blocks_of_table_and_settings_must_not_contradict_each_other():
    with pytest.raises(ParamError, match=r"pinned: 'a' is not available on 2024-06-01, or blocked by table item_rules"):
        listed(("a", "blocked", {}), pinned=["a"])
    with pytest.raises(DataError, match=r"'a' is pinned, but blocked"):
        listed(("a", "pinned", {}), blocked=["a"])
    west = {"shop": "west"}
    with pytest.raises(DataError, match=r"'a' is pinned, but blocked .* on 2024-06-01 in shop 'west'"):
        listed(("a", "pinned", west), ("a", "blocked", west))
    assert listed(("a", "blocked", {"shop": "east"}), members="mn", pinned=["a"]) == [
        "bcde",
        "afed",
    ]  # in one shop only


def test_a_shop_in_which_nothing_is_left_is_named():
    gone = [(item, "blocked", {"shop": "west"}) for item in IDS]
    with pytest.raises(ParamError, match=r"item_rules, on 2024-06-01 in shop west, .* leaves no item"):
        listed(*gone)
    with pytest.raises(ParamError, match=r"in shop west, .* leaves no item"):
        listed(*gone[1:], blocked=["a"])


def test_a_table_of_what_every_shop_sells_leaves_nothing_only_where_a_member_is():
    rows = [(item, "available", {"shop": shop}) for shop, sold in (("east", "ab"), ("west", "fa")) for item in sold]
    others = [(item, "available", {"shop": "empty"}) for item in "cdeghij"]
    assert listed(*rows, *others, members="mn") == ["ab", "fa"]
    with pytest.raises(ParamError, match=r"in shop another than those of the table, .* leaves no item"):
        listed(*rows, *others, people=PEOPLE.assign(shop=["east", "north"]))


def test_pins_of_table_and_settings_together_are_held_against_what_a_list_may_have_of_a_kind():
    with pytest.raises(ParamError, match=r"2 pins of one category, .* allows 1"):
        listed(("a", "pinned", {}), pinned=["b"], at_most={"category": 1})


def test_a_column_of_members_that_rows_ask_for_is_named_where_it_is_missing():
    with pytest.raises(ParamError, match=r"item_rules: table 'members' has no column 'shop'; there are: age"):
        listed(("a", "blocked", {"shop": "east"}), people=PEOPLE.drop(columns="shop"))
    with pytest.raises(ParamError, match=r"item_rules: members.age is no number in 1 rows, e.g. 'old'"):
        listed(("a", "age", {"value": 18}), people=PEOPLE.assign(age=["old", "20"]))
    assert listed(("a", "blocked", {}), people=None) == ["bcde"]


def test_what_the_table_says_is_priced_beside_the_settings():
    from scipy import sparse

    matrix = np.zeros((2, 10))
    matrix[0, 0] = matrix[1, 5] = 1  # m buys a next, which it ranks first, and n buys f
    after = Targets(np.array(["m", "n"]), sparse.csr_array(matrix), np.zeros(2, dtype=np.int64))
    beside = rules.Beside(PEOPLE, table(("a", "blocked", {"shop": "east"}), ("i", "pinned", {})))
    asked = Rules(blocked=["f"])
    found = rule_costs.costs(Recommender("toy", known(), top), asked, ITEMS, DAY, after, 2, beside).set_index("rule")
    assert found["recall"].to_dict() == {
        "none": 1.0, "blocked": 0.5, "items blocked": 0.5, "items pinned": 1.0, "all": 0.0,
    }  # fmt: skip


def test_who_comes_in_later_is_served_by_the_table_as_a_batch_is():
    p = SimpleNamespace(recommend=Recommend(), seed=0)
    beside = rules.Beside(PEOPLE, table(("a", "available", {"shop": "east"}), ("j", "pinned", {"shop": "west"})))
    serve = policies.with_network("gp_topfreq", {}, None, known(), ITEMS, p, beside)
    batch = rules.ruled(policies.peer("gp_topfreq", {}, known()), Rules(), ITEMS, DAY, beside)
    both = np.array(["m", "n", "x"])
    assert np.array_equal(serve(known()).recommend(both, 6)[0], batch.recommend(both, 6)[0])
    assert batch.recommend(both, 6)[0][1, 0] == "j" and "a" not in batch.recommend(both, 6)[0][1]
