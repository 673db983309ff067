import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from membership.base import batches, paths, tables
from membership.base.errors import DataError
from membership.base.member_schemas import STAGES
from membership.data import pseudonyms
from membership.evaluate import actions
from membership.settings import params
from membership.settings.benefits import Benefit
from membership.settings.lifecycle import Step, Strategy

MEMBERS = ["a", "b", "c"]
CATALOGUE = params.load("decide").benefits.catalogue
STRATEGY = params.load("lifecycle").lifecycle.strategy


def assemble(parts):
    """The table, by way of the steps that lead to it."""
    listed = parts["recommendations"], parts["items"]
    who = parts["profile"], parts["tiers"]
    taken = actions.steps(*who, parts["allocations"], *listed, parts["strategy"], parts["catalogue"])
    return actions.assemble(parts["value"], parts["profile"], parts["tiers"], taken, *listed, parts["arms"])


@pytest.fixture
def parts(workspace):
    """What the actions are made of: Ann has everything, Ben no benefit and one item, Cid nothing but a row."""
    scores = {
        "value": [900.0, 500.0, 0.0], "value_low": 0.0, "value_high": 1000.0, "value_group": "others",
        "residual_value": 4000.0, "p_horizon": 0.9, "p_repurchase": 0.5,
    }  # fmt: skip
    place = {"tier": ["Gold", "Member", "Member"], "tier_rank": [1, 0, 0], "next_tier": [None, "Gold", "Gold"]}
    return {
        "value": pd.DataFrame({"member_id": MEMBERS, **scores, "rfm_segment": "Champions"}),
        "profile": pd.DataFrame(
            {"member_id": MEMBERS, "stage": ["loyal", "new", "prospect"], "persona": "Cook", "main_need": "variety"}
        ),
        "tiers": pd.DataFrame({"member_id": MEMBERS, **place, "spend_to_next": [0, 700, 900], "points": [5, 1, 0]}),
        "allocations": pd.DataFrame({"member_id": ["a", "a"], "benefit": ["points_boost", "free_delivery"]}),
        "recommendations": pd.DataFrame(
            {
                "member_id": ["a", "a", "b"],
                "rank": [2, 1, 1],
                "item_id": ["i1", "i2", "unlisted"],
                "reason": ["bought once, 3 days ago", "goes with Bread, which this member buys", "sells well"],
            }
        ),
        "items": pd.DataFrame({"item_id": ["i1", "i2"], "name": ["Bread", "Apples"]}),
        "arms": pd.DataFrame({"arm": "spring: control", "propensity": 0.5}, index=pd.Index(["a"], name="member_id")),
        "strategy": STRATEGY,
        "catalogue": CATALOGUE,
    }


def test_a_member_gets_everything_in_one_row(parts):
    row = assemble(parts).set_index("member_id").loc["a"]
    assert (row["value"], row["tier"], row["next_tier"], row["persona"]) == (900.0, "Gold", "", "Cook")
    assert row["benefits"] == "free_delivery; points_boost"
    assert row["next_action"] == f"{STRATEGY.loyal.top_action}; give free delivery; boost points"
    assert row["items"] == "Apples; Bread"
    assert (row["item_1"], row["item_1_id"], row["item_2"]) == ("Apples", "i2", "Bread")
    assert row["item_1_reason"] == "goes with Bread, which this member buys"
    assert row.index[-6:].tolist() == ["item_1", "item_1_id", "item_1_reason", "item_2", "item_2_id", "item_2_reason"]


def test_however_few_members_are_assembled_together_the_rows_are_the_same(parts, monkeypatch):
    found = []
    for together in (1, 2, 3):
        monkeypatch.setattr(batches, "SIZE", together)
        found += [assemble(parts), assemble(parts | {"recommendations": parts["recommendations"][::-1]})]
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other, check_exact=True)


def test_a_personal_offer_names_the_first_recommended_item(parts):
    given = pd.DataFrame(
        {
            "member_id": ["a", "a", "b", "c"],
            "benefit": ["personal_offers", "points_boost", "personal_offers", "personal_offers"],
        }
    )
    found = assemble(parts | {"allocations": given}).set_index("member_id")["benefits"]
    assert found.tolist() == ["personal_offers: Apples; points_boost", "personal_offers: unlisted", "personal_offers"]


def test_without_any_list_a_personal_offer_names_no_item(parts):
    parts["recommendations"] = parts["recommendations"].iloc[:0]
    parts["allocations"] = pd.DataFrame({"member_id": ["a"], "benefit": ["personal_offers"]})
    found = assemble(parts)
    assert found["benefits"].tolist() == ["personal_offers", "", ""]


def test_a_member_with_nothing_still_has_a_row_without_gaps(parts):
    row = assemble(parts).set_index("member_id").loc["c"]
    assert row[["benefits", "items", "item_1", "item_1_id", "item_1_reason", "item_2"]].tolist() == [""] * 6
    assert row["next_action"] == parts["strategy"].prospect.action


WORDS = st.text("ab ;:", min_size=1, max_size=6)
BENEFITS = st.lists(
    st.tuples(WORDS, st.none() | WORDS, st.sampled_from(["discount", "personalised_offers"])),
    min_size=1,
    max_size=4,
    unique_by=(lambda one: one[0], lambda one: one[1] or one[0].replace("_", " ")),
)


@given(BENEFITS, st.lists(WORDS, min_size=7, max_size=7), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_action_names_a_benefit_if_and_only_if_the_member_was_allocated_it(parts, named, called, data):
    catalogue = [Benefit(name=name, kind=kind, action=words, uplift=0, uplift_sd=0) for name, words, kind in named]
    steps = [Step(goal="x", action=words, watch="x") for words in called]
    pairs = st.sampled_from([(member, one.name) for member in MEMBERS for one in catalogue])
    given_to = data.draw(st.lists(pairs, unique=True))
    own = {"strategy": Strategy(**dict(zip(STAGES, steps, strict=True))), "catalogue": catalogue}
    found = assemble(parts | own | {"allocations": pd.DataFrame(given_to, columns=["member_id", "benefit"])})
    first = {"a": ": Apples", "b": ": unlisted", "c": ""}  # the first item of each member's list
    for row in found.itertuples():
        mine = sorted((one for one in catalogue if (row.member_id, one.name) in given_to), key=lambda one: one.name)
        items = [first[row.member_id] if one.kind == "personalised_offers" else "" for one in mine]
        action = getattr(own["strategy"], row.stage).action
        told = [one.words + item for one, item in zip(mine, items, strict=True)]
        assert row.next_action == "; ".join([action, *told])
        assert row.benefits == "; ".join(one.name + item for one, item in zip(mine, items, strict=True))


def test_a_step_names_the_next_tier_of_each_member_and_in_the_top_tier_none(parts):
    parts["profile"]["stage"] = "loyal"
    told = assemble(parts)["next_action"].str.split("; ").str[0]
    assert told.tolist() == [
        STRATEGY.loyal.top_action,
        *[STRATEGY.loyal.action.replace("{next_tier}", "Gold")] * 2,
    ]


def test_each_step_is_a_row_with_the_stage_first(parts):
    parts["allocations"] = pd.DataFrame({"member_id": ["b", "b"], "benefit": ["points_boost", "personal_offers"]})
    listed = parts["recommendations"], parts["items"]
    taken = actions.steps(parts["profile"], parts["tiers"], parts["allocations"], *listed, STRATEGY, CATALOGUE)
    assert taken["member_id"].tolist() == ["a", "b", "b", "b", "c"]
    assert taken["benefit"].tolist() == ["", "", "personal_offers", "points_boost", ""]
    assert taken["item"].tolist() == ["", "", "unlisted", "", ""]
    assert taken["step"].tolist()[1:4] == [STRATEGY.new.action, "send a personal offer", "boost points"]


def test_each_stage_is_shown_with_what_it_calls_for_and_what_is_at_stake(parts):
    found = actions.by_stage(assemble(parts), parts["strategy"])
    assert found.index.tolist() == list(STAGES)
    assert (found["members"].sum(), found["value"].sum()) == (3, parts["value"]["value"].sum())
    assert found.loc["loyal", "goal"] == parts["strategy"].loyal.goal
    assert found.loc["won_back", ["members", "value", "with_benefits"]].tolist() == [0, 0, 0]
    assert found.loc[["loyal", "new"], "with_benefits"].tolist() == [1, 0]
    assert np.isnan(found.loc["won_back", "p_repurchase"])


def test_an_item_without_a_name_is_called_by_its_id(parts):
    assert assemble(parts).set_index("member_id").loc["b", "items"] == "unlisted"


def test_there_is_one_row_a_member_and_no_gap_anywhere(parts):
    parts["value"] = parts["value"].iloc[::-1]
    found = assemble(parts)
    assert found["member_id"].tolist() == MEMBERS
    assert found.notna().all().all()


def test_without_any_benefit_or_recommendation_there_are_still_actions(parts):
    parts["allocations"], parts["recommendations"] = parts["allocations"].iloc[:0], parts["recommendations"].iloc[:0]
    found = assemble(parts)
    assert found["benefits"].tolist() == found["items"].tolist() == [""] * 3


@pytest.mark.parametrize("table", ["profile", "tiers"])
def test_a_member_whom_a_table_has_lost_is_named(parts, table):
    parts[table] = parts[table].iloc[1:]
    with pytest.raises(DataError, match=f"tables 'value' and '{table}': 1 members are in only one of them, .* a;"):
        assemble(parts)


def test_published_actions_name_members_by_pseudonym_and_by_id_only_where_asked(parts):
    found = assemble(parts)
    stored = tables.write("actions", found)
    actions.publish(stored, paths.reports())
    actions.publish(stored, paths.reports(), original_ids=True)
    for name, same in (("actions", pseudonyms.masked(found)), ("actions_original_ids", found)):
        read = pd.read_csv(paths.reports(f"{name}.csv"), keep_default_na=False, dtype={"member_id": str})
        pd.testing.assert_frame_equal(read, same, check_dtype=False)
        pd.testing.assert_frame_equal(pd.read_parquet(paths.reports(f"{name}.parquet")), same, check_dtype=False)
    assert not set(pseudonyms.masked(found)["member_id"]) & set(found["member_id"])


def test_arm_and_chance_of_live_tests_are_told_and_who_is_in_none_is_sure_of_it(parts):
    found = assemble(parts).set_index("member_id")[["arm", "propensity"]]
    assert found.loc["a"].tolist() == ["spring: control", 0.5]
    assert found.loc["b"].tolist() == ["", 1.0]
