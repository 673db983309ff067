"""Benefits: cost models and gains by hand, who may have what, break-even, and what uncertainty leaves."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from membership.base.errors import DataError, ParamError
from membership.benefits import payoff
from membership.benefits.facts import facts as make_facts
from membership.settings import params
from membership.settings.benefits import Benefit, Benefits, Fairness

CATALOGUE = [
    Benefit(name="gift", kind="exclusive_products", cost=10, uplift=0.1, uplift_sd=0.05),
    Benefit(name="delivery", kind="free_shipping", cost_per_order=5, uplift=0.2, uplift_sd=0.1, min_tier=1),
    Benefit(name="discount", kind="discount", cost_share=0.01, uplift=0.2, uplift_sd=0.1, stages=["active"]),
    Benefit(name="points", kind="points_multiplier", multiplier=3, uplift=0.1, uplift_sd=0, personas=["Baker"]),
]
SETTINGS = Benefits(
    budget=100,
    max_per_member=2,
    min_tier_share=0,
    fairness=Fairness(attributes=[], min_ratio=0, min_group=1),
    catalogue=CATALOGUE,
)
FACTS = pd.DataFrame(
    {
        "member_id": ["a", "b"],
        "tier": ["Base", "Top"],
        "tier_rank": [0, 1],
        "persona": ["Baker", "Cook"],
        "stage": ["active", "lapsed"],
        "expected_spend": [1000.0, 2000.0],
        "expected_orders": [2.0, 4.0],
    }
)


def uplifts(scale=1.0):
    rows = [
        (benefit.name, persona, tier, scale * benefit.uplift, benefit.uplift_sd, "assumed")
        for benefit in CATALOGUE
        for persona in ("Baker", "Cook")
        for tier in ("Base", "Top")
    ]
    return pd.DataFrame(rows, columns=["benefit", "persona", "tier", "uplift", "uplift_sd", "source"])


def found():
    return payoff.options(FACTS, SETTINGS, margin_rate=0.25, uplifts=uplifts(), points_share=0.005)


def test_cost_and_gain_by_hand():
    costs = found().frame().set_index(["member_id", "benefit"])
    assert costs["cost"].to_dict() == {
        ("a", "discount"): 12,  # 1 % of the spend and of the 20 % more
        ("a", "gift"): 10,
        ("a", "points"): 11,  # twice 0.5 % more than the base points, on 1100
        ("b", "delivery"): 24,  # four orders of 5 cents and 20 % more of them
        ("b", "gift"): 10,
    }
    assert costs["gain"].to_dict() == {
        ("a", "discount"): 50,
        ("a", "gift"): 25,
        ("a", "points"): 25,
        ("b", "delivery"): 100,
        ("b", "gift"): 50,
    }


def test_costs_are_rounded_up_to_whole_cents():
    facts = FACTS.assign(expected_spend=[1001.0, 0.0])
    cost = payoff.options(facts, SETTINGS, 0.25, uplifts(), 0.005).cost
    assert cost[0, 2] == 13  # 12.012
    assert (cost == np.round(cost)).all()


def test_tier_stage_and_persona_say_who_may_have_a_benefit():
    allowed = pd.DataFrame(found().allowed, index=["a", "b"], columns=found().benefits)
    assert allowed.loc["a"].to_dict() == {"gift": True, "delivery": False, "discount": True, "points": True}
    assert allowed.loc["b"].to_dict() == {"gift": True, "delivery": True, "discount": False, "points": False}


def test_uplifts_differ_by_persona_and_tier():
    table = uplifts()
    table.loc[(table["benefit"] == "gift") & (table["persona"] == "Cook") & (table["tier"] == "Top"), "uplift"] = 0.3
    gain = payoff.options(FACTS, SETTINGS, 0.25, table, 0.005).gain
    assert gain[:, 0].tolist() == [25, 150]


def test_break_even_by_hand():
    table = payoff.break_even(FACTS, SETTINGS, 0.25, uplifts(), 0.005).set_index(["benefit", "tier"])
    assert table.loc[("gift", "all"), "break_even"] == pytest.approx(20 / 750)  # 10 each, margin 250 and 500
    assert table.loc[("gift", "all"), "median_member"] == pytest.approx((10 / 250 + 10 / 500) / 2)
    assert table.loc[("gift", "Top"), "break_even"] == pytest.approx(10 / 500)
    assert table.loc[("delivery", "all"), "break_even"] == pytest.approx(20 / (500 - 20))
    assert table.loc[("discount", "all"), "break_even"] == pytest.approx(10 / (250 - 10))
    assert table.loc[("gift", "all"), "p_pays"] == pytest.approx(norm.cdf((0.1 - 20 / 750) / 0.05))
    assert table.loc[("points", "Base"), "p_pays"] == 1  # nothing is uncertain, and 10 % is more than is needed
    assert table.loc[("delivery", "Base"), "members"] == 0
    assert table.loc[("delivery", "Base"), ["break_even", "median_member", "p_pays"]].isna().all()


def test_at_the_break_even_response_gain_equals_cost():
    table = payoff.break_even(FACTS, SETTINGS, 0.25, uplifts(), 0.005)
    needed = table[table["tier"] == "all"].set_index("benefit")["break_even"]
    at_it = uplifts().assign(uplift=lambda frame: frame["benefit"].map(needed))
    exact = payoff.options(FACTS, SETTINGS, 0.25, at_it, 0.005)
    net = np.where(exact.allowed, exact.net, 0).sum(axis=0)
    assert (net <= 1e-9).all()
    assert (net > -2).all()  # costs are rounded up for each member


def test_a_share_of_spend_above_the_margin_never_pays():
    dear = [Benefit(name="dear", kind="discount", cost_share=0.3, uplift=0.5, uplift_sd=0.1)]
    settings = SETTINGS.model_copy(update={"catalogue": dear})
    table = uplifts().iloc[:4].assign(benefit="dear")
    needed = payoff.break_even(FACTS, settings, 0.25, table)
    assert np.isinf(needed["break_even"]).all()
    assert not payoff.options(FACTS, settings, 0.25, table).pays.any()


def test_outlook_agrees_with_drawing_the_uplifts():
    options = found()
    given = options.pays
    exact = payoff.outlook(options, given, 0.9)
    draws = np.random.default_rng(5).standard_normal((200_000, len(CATALOGUE)))
    drawn = options.net[given].sum() + draws @ np.where(given, options.spread, 0).sum(axis=0)
    assert exact.sd == pytest.approx(drawn.std(), rel=0.01)
    assert exact.p_pays == pytest.approx((drawn > 0).mean(), abs=0.005)
    assert [exact.low, exact.high] == pytest.approx(np.quantile(drawn, [0.05, 0.95]), rel=0.02)


def test_spread_is_what_one_standard_deviation_more_brings():
    more = uplifts().assign(uplift=lambda frame: frame["uplift"] + frame["uplift_sd"])
    change = payoff.options(FACTS, SETTINGS, 0.25, more, 0.005).net - found().net
    assert np.allclose(change, found().spread, atol=1)  # whole cents


def test_facts_show_who_did_not_answer_and_keep_the_order_of_ids():
    standing = pd.DataFrame({"member_id": ["b", "a"], "tier": ["Top", "Base"], "tier_rank": [1, 0]})
    value = pd.DataFrame({"member_id": ["a", "b"], "expected_spend": 1.0, "expected_orders": 1.0, "value": 1.0})
    profile = pd.DataFrame({"member_id": ["a", "b"], "persona": "Baker", "stage": "active"})
    survey = pd.DataFrame({"member_id": ["a"], "question": ["age"], "answer": ["65+"]})
    table = make_facts(standing, value, profile, survey, ["age", "income"])
    assert table["member_id"].tolist() == ["a", "b"]
    assert table["age"].tolist() == ["65+", "unknown"]
    assert table["income"].tolist() == ["unknown", "unknown"]
    twice = pd.concat([survey, survey.assign(answer="19-24")])
    with pytest.raises(ParamError, match=r"'age' has several answers of one member, e.g. a"):
        make_facts(standing, value, profile, twice, ["age"])


def test_a_missing_uplift_and_an_unknown_persona_are_named():
    with pytest.raises(DataError, match="none for benefit 'gift', persona 'Cook', tier 'Top'"):
        payoff.options(FACTS, SETTINGS, 0.25, uplifts().drop(index=3))
    strangers = [CATALOGUE[0].model_copy(update={"personas": ["Nobody"]})]
    with pytest.raises(ParamError, match=r"gift: personas \['Nobody'\]: nobody has them"):
        payoff.options(FACTS, SETTINGS.model_copy(update={"catalogue": strangers}), 0.25, uplifts())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cost": -5}, "cost = -5: Input should be greater than or equal to 0"),
        ({"cost_per_order": -1}, "cost_per_order = -1: Input should be greater than or equal to 0"),
        ({"uplift_sd": -0.1}, "uplift_sd = -0.1"),
        ({"kind": "holiday"}, "kind = 'holiday'"),
        ({"stages": ["asleep"]}, "stages.0 = 'asleep'"),
        ({"multiplier": 2}, "`multiplier` belongs to kind points_multiplier"),
        ({"min_tier": 4}, "personal_offers: min_tier above the top tier; allowed: 0 to 3"),
        ({"name": "points_boost"}, "every benefit needs its own name"),
        ({"action": "boost points"}, "every benefit needs its own action"),
    ],
)
def test_a_catalogue_that_cannot_be_is_refused_in_words(change, said):
    raw = params.read()
    raw["benefits"]["catalogue"][0] |= change
    with pytest.raises(ParamError) as error:
        params.parse(raw)
    assert said in str(error.value)


def test_a_points_multiplier_must_say_how_many():
    with pytest.raises(ValidationError, match="it is None with kind points_multiplier"):
        Benefit(name="x", kind="points_multiplier", uplift=0.1, uplift_sd=0)
