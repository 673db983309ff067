"""Attributes of members as covariates: numbers stay, texts become columns, unknown ones are refused."""

import pandas as pd
import pytest

from membership.base.errors import ParamError
from membership.campaigns import attributes

MEMBERS = pd.DataFrame({"member_id": ["a", "b", "c"], "age": ["30", None, "50"], "zone": ["north", "south", "north"]})


def test_numbers_stay_and_texts_get_a_column_for_each_frequent_value():
    who = pd.Series(["c", "b", "c", "nobody"], index=[3, 5, 7, 9])
    found = attributes.columns(MEMBERS, ["age", "zone"], who)
    assert found.index.tolist() == [3, 5, 7, 9]
    assert found["age"].tolist() == [50, 50, 50, 50]  # unknown: the mean of the rows that are known
    assert found[["zone=north", "zone=south"]].to_numpy().tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]


def test_rare_values_share_no_column_and_ties_are_broken_by_name():
    many = pd.DataFrame({"member_id": [str(n) for n in range(20)], "shop": [f"s{n:02d}" for n in range(20)]})
    found = attributes.columns(many, ["shop"], many["member_id"])
    assert found.columns.tolist() == [f"shop=s{n:02d}" for n in range(attributes.VALUES)]


def test_an_attribute_that_members_do_not_have_is_refused():
    with pytest.raises(ParamError, match=r"campaigns\.attributes: shoe: no such column of members; allowed: age, zone"):
        attributes.columns(MEMBERS, ["age", "shoe"], MEMBERS["member_id"])
