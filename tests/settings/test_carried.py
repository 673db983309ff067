"""A params.yaml of an earlier version is read as what it means now, or says what it does not mean any more."""

import yaml

from membership.settings import params
from membership.settings.carried import carry_over
from membership.settings.lifecycle import Strategy

OLD = {
    "profile": {"min_purchase_days": 3, "lifecycle": {"new_days": 30}, "strategy": {"new": {"goal": "a second order"}}},
    "response": {"folds": 5},
    "evaluate": {"power": 0.8, "reach_costs": [0, 25]},
    "value": {"horizon_days": 90, "worked_case": {"members": 10}},
    "check": {"metrics": {"*": 1e-6}},
    "tiers": {"breakage": 0.2, "redeem_share": 0.8},
    "quick": {"tune.trials": 2, "value.worked_case.members": 5},
}


def test_what_moved_is_found_at_its_new_place_and_each_move_is_told():
    new, told = carry_over(OLD)
    assert new == {
        "needs": {"min_purchase_days": 3},
        "lifecycle": {"new_days": 30, "strategy": {"new": {"goal": "a second order"}}},
        "campaigns": {"folds": 5, "reach_costs": [0, 25]},
        "evaluate": {"power": 0.8},
        "value": {"horizon_days": 90},
        "tiers": {"redeem_share": 0.8},
        "quick": {"tune.trials": 2},
    }
    assert len(told) == 9
    assert OLD["profile"]["lifecycle"] == {"new_days": 30}


def test_what_stands_at_the_new_place_wins():
    new, _ = carry_over({"response": {"folds": 5, "trees": 9}, "campaigns": {"folds": 7}})
    assert new == {"campaigns": {"folds": 7, "trees": 9}}


def test_a_guardrail_on_the_sum_of_discounts_is_read_as_one_on_their_mean():
    rows = [{"metric": "discount_cost_at_10", "margin": 5}, {"metric": "hit_at_10", "margin": 0.01}, "nonsense"]
    new, told = carry_over({"decide": {"guardrails": rows}})
    assert new["decide"]["guardrails"][:2] == [{"metric": "discount_per_item_at_10", "margin": 0.5}, rows[1]]
    assert len(told) == 1 and all(word in told[0] for word in ("discount_cost_at_10", "discount_per_item_at_10", "0.5"))


def test_todays_file_is_left_as_it_is():
    raw = yaml.safe_load((params.paths.root() / "params.yaml").read_text())
    assert carry_over(raw) == (raw, [])


def test_an_old_file_gives_the_parameters_of_todays(workspace, capsys):
    path = workspace / "params.yaml"
    today = params.parse(params.read())
    raw = yaml.safe_load(path.read_text())
    life = today.plain()["lifecycle"]
    old = raw | {"response": raw.pop("campaigns"), "profile": raw.pop("needs") | {"strategy": life.pop("strategy")}}
    old["profile"]["lifecycle"] = life
    path.write_text(yaml.safe_dump(old))
    params._tell.cache_clear()
    assert params.parse(params.read()) == today
    assert "response is called campaigns now" in capsys.readouterr().err


def test_actions_that_named_a_benefit_by_default_are_read_without_it_and_a_persons_own_stay():
    old = {"at_risk": {"action": "Remind with a personal offer before the habit breaks"}, "lapsed": {"action": "Call"}}
    new, told = carry_over({"lifecycle": {"strategy": old}})
    assert new["lifecycle"]["strategy"] == {
        "at_risk": {"action": "Remind before the habit breaks"},
        "lapsed": {"action": "Call"},
    }
    assert len(told) == 1 and "lifecycle.strategy.at_risk.action" in told[0]


def test_an_action_that_spoke_of_the_next_tier_by_default_has_one_for_the_top_tier_now():
    raw = params.read()
    loyal = {"goal": "g", "watch": "w", "action": "Thank, and show the way to the next tier"}
    new, told = carry_over(raw | {"lifecycle": {"strategy": {"loyal": loyal}}})
    step = params.parse(new).lifecycle.strategy.loyal
    assert step.action == Strategy().loyal.action and step.top_action == Strategy().loyal.top_action and len(told) == 1


def test_a_catalogue_without_words_for_actions_is_still_read():
    raw = params.read()
    raw["benefits"]["catalogue"] = params.parse(raw).plain()["benefits"]["catalogue"]
    for benefit in raw["benefits"]["catalogue"]:
        benefit.pop("action")
    assert params.parse(raw).benefits.catalogue[0].words == "personal offers"
