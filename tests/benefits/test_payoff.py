"""Benefits: cost models and gains by hand, who may have what, break-even, and what uncertainty leaves."""

from dataclasses import replace

import known_reaction
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from membership.base.errors import DataError, ParamError
from membership.benefits import payoff
from membership.benefits.facts import facts as make_facts
from membership.benefits.payoff import Setting
from membership.campaigns.reaction import Reaction
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
        "chance": 0.0,
    }
)


SETTING = Setting(FACTS, SETTINGS, 0.25, known_reaction.on_orders(CATALOGUE), points_share=0.005)
UNSURE = replace(SETTING, reaction=known_reaction.on_spend(CATALOGUE))


def alone(options, name):
    """Return cost, gain or orders of each benefit that a member may have, given alone."""
    values = getattr(options, name)
    return {(options.members[at], options.benefits[of]): values[at, of] for at, of in np.argwhere(options.allowed)}


def test_cost_gain_and_extra_orders_by_hand():
    found = SETTING.options()
    assert alone(found, "cost") == {
        ("a", "discount"): 12,  # 1 % of the spend and of the 20 % more
        ("a", "gift"): 10,
        ("a", "points"): 11,  # twice 0.5 % more than the base points, on 1100
        ("b", "delivery"): 24,  # four orders of 5 cents and 20 % more of them
        ("b", "gift"): 10,
    }
    assert alone(found, "gain") == pytest.approx(
        {("a", "discount"): 50, ("a", "gift"): 25, ("a", "points"): 25, ("b", "delivery"): 100, ("b", "gift"): 50}
    )
    assert alone(found, "orders") == pytest.approx(
        {("a", "discount"): 0.4, ("a", "gift"): 0.2, ("a", "points"): 0.2, ("b", "delivery"): 0.8, ("b", "gift"): 0.4}
    )


def test_who_is_sure_to_come_costs_and_brings_nothing():
    sure = replace(SETTING, facts=FACTS.assign(chance=1.0)).options()
    assert (sure.gain == 0).all() and (sure.orders == 0).all() and not sure.pays.any()
    assert sure.cost[0, 2] == 10  # 1 % of spend that comes anyway


def test_the_more_likely_an_order_is_anyway_the_less_a_benefit_brings_and_the_more_is_deadweight():
    gains, anyway = [], []
    for chance in (0.0, 0.3, 0.6, 0.9):
        found = replace(SETTING, facts=FACTS.assign(chance=chance)).options()
        gains.append(found.gain[0, 0])
        anyway.append(found.anyway(np.array([0, -1]))[0])
    assert gains == sorted(gains, reverse=True)
    assert anyway == sorted(anyway)
    assert anyway[0] == pytest.approx(1 / 1.1)


def test_of_two_benefits_at_once_the_smaller_shift_counts_half():
    found = SETTING.options()
    pair = [tuple(row) for row in found.sets].index((True, False, True, False))  # gift and discount
    odds = 1.2 * 1.1**0.5
    assert found.orders[0, pair] == pytest.approx(2 * (odds - 1))
    assert found.gain[0, pair] == pytest.approx(250 * (odds - 1))
    assert found.cost[0, pair] == np.ceil(10 + 10 * odds)
    parts = found.split(found.gain, np.array([pair, -1]))[0]
    assert parts.sum() == pytest.approx(250 * (odds - 1))
    assert parts[2] - parts[0] == pytest.approx(50 - 25)  # Shapley: each what it has alone and half of what is beyond
    apart = replace(SETTING, settings=SETTINGS.model_copy(update={"exclusions": [["gift", "discount"]]})).options()
    assert (True, False, True, False) not in [tuple(row) for row in apart.sets]


def test_a_second_benefit_that_adds_less_than_it_costs_does_not_pay():
    catalogue = [CATALOGUE[0], CATALOGUE[0].model_copy(update={"name": "other", "cost": 20.0})]
    settings = SETTINGS.model_copy(update={"catalogue": catalogue})
    told = replace(known_reaction.on_orders(catalogue), overlap=0.5)
    both = replace(SETTING, settings=settings, reaction=told).options()
    assert both.pays[0].tolist() == [True, True, False]  # 25 alone for 10 or 20; the second adds half of it, below 20
    easy = replace(SETTING, settings=settings, reaction=replace(told, overlap=0.0)).options()
    assert easy.pays[0].tolist() == [True, True, True]


def test_costs_are_rounded_up_to_whole_cents():
    cost = replace(SETTING, facts=FACTS.assign(expected_spend=[1001.0, 0.0])).options().cost
    assert cost[0, 2] == 13  # 12.012
    assert (cost == np.round(cost)).all()


def test_tier_stage_persona_and_consent_say_who_may_have_a_benefit():
    allowed = pd.DataFrame(SETTING.allowed, index=["a", "b"], columns=SETTING.names)
    assert allowed.loc["a"].to_dict() == {"gift": True, "delivery": False, "discount": True, "points": True}
    assert allowed.loc["b"].to_dict() == {"gift": True, "delivery": True, "discount": False, "points": False}
    assert replace(SETTING, facts=FACTS.assign(refused=[True, False])).allowed.any(axis=1).tolist() == [False, True]


def test_break_even_by_hand():
    table = payoff.break_even(UNSURE).set_index(["benefit", "tier"])
    assert table.loc[("gift", "all"), "break_even"] == pytest.approx(20 / 750)  # 10 each, margin 250 and 500
    assert table.loc[("gift", "all"), "median_member"] == pytest.approx((10 / 250 + 10 / 500) / 2)
    assert table.loc[("gift", "Top"), "break_even"] == pytest.approx(10 / 500)
    assert table.loc[("delivery", "all"), "break_even"] == pytest.approx(20 / (500 - 20))
    assert table.loc[("discount", "all"), "break_even"] == pytest.approx(10 / (250 - 10))
    assert table.loc[("gift", "all"), ["uplift", "uplift_sd"]].tolist() == pytest.approx([0.1, 0.05])
    assert table.loc[("gift", "all"), "p_pays"] == pytest.approx(norm.cdf((0.1 - 20 / 750) / 0.05))
    assert table.loc[("points", "Base"), "p_pays"] == 1  # nothing is uncertain, and 10 % is more than is needed
    assert table.loc[("delivery", "Base"), "members"] == 0
    assert table.loc[("delivery", "Base"), ["break_even", "median_member", "p_pays"]].isna().all()


def test_at_the_break_even_response_gain_equals_cost():
    needed = payoff.break_even(SETTING)
    needed = needed[needed["tier"] == "all"].set_index("benefit")["break_even"]
    at_it = [one.model_copy(update={"uplift": needed[one.name]}) for one in CATALOGUE]
    exact = replace(SETTING, reaction=known_reaction.on_orders(at_it)).options()
    net = np.where(exact.allowed, (exact.gain - exact.cost)[:, :4], 0).sum(axis=0)
    assert (net <= 1e-9).all()
    assert (net > -2).all()  # costs are rounded up for each member


def test_a_share_of_spend_above_the_margin_never_pays():
    dear = [Benefit(name="dear", kind="discount", cost_share=0.3, uplift=0.5, uplift_sd=0.1)]
    settings = SETTINGS.model_copy(update={"catalogue": dear})
    setting = replace(SETTING, settings=settings, reaction=known_reaction.on_orders(dear))
    assert np.isinf(payoff.break_even(setting)["break_even"]).all()
    assert not setting.options().pays.any()


def unsure_in_all():
    """Return members for whom shifts, their traits, spend per order and the overlap are all uncertain."""
    facts = FACTS.assign(chance=[0.3, 0.6], tier_rank=[1, 1], stage="active", persona="Baker")
    cov = 0.002 * np.array([[1.0, 0.3], [0.3, 0.5]])
    told = Reaction(
        benefits=SETTING.names,
        covariates=("intercept", "log_odds"),
        centre=np.zeros(2),
        scale=np.ones(2),
        mean=np.array([[0.3, 0.1], [0.4, 0.0], [0.5, -0.1], [0.2, 0.0]]),
        cov=np.tile(cov, (4, 1, 1)),
        order_value=np.full(4, 0.02),
        order_value_sd=np.full(4, 0.01),
        overlap=0.5,
        overlap_sd=0.05,
        source=("assumed",) * 4,
        joint=np.kron(0.5 + 0.5 * np.eye(4), cov),  # errors are shared by benefits, too
    )
    return replace(SETTING, facts=facts, reaction=told)


def test_the_range_of_a_net_agrees_with_drawing_the_beliefs():
    setting, rng = unsure_in_all(), np.random.default_rng(5)
    options = setting.options()
    choice = np.array([4, 9])  # two pairs
    exact = payoff.outlook(options, choice, 0.9)
    nets = [replace(setting, reaction=setting.reaction.draw(rng)).options().net(choice) for _ in range(400)]
    assert exact.sd == pytest.approx(np.std(nets), rel=0.12)
    assert exact.net == pytest.approx(np.mean(nets), abs=4 * exact.sd / 400**0.5 + 2)
    assert [exact.low, exact.high] == pytest.approx(np.quantile(nets, [0.05, 0.95]), rel=0.12)


def test_the_parts_of_what_is_unsure_add_up():
    options = unsure_in_all().options()
    choice = np.array([4, 9])
    assert options.spread(choice).sum() == pytest.approx(payoff.outlook(options, choice, 0.95).sd)
    assert options.frame(choice)["spread"].sum() == pytest.approx(options.spread(choice).sum())


def test_facts_show_who_did_not_answer_and_keep_the_order_of_ids():
    standing = pd.DataFrame({"member_id": ["b", "a"], "tier": ["Top", "Base"], "tier_rank": [1, 0]})
    value = pd.DataFrame(
        {
            "member_id": ["a", "b"],
            "expected_spend": 1.0,
            "expected_orders": 1.0,
            "value": 1.0,
            "p_repurchase": [0.2, 0.7],
        }
    )
    profile = pd.DataFrame({"member_id": ["a", "b"], "persona": "Baker", "stage": "active"})
    survey = pd.DataFrame({"member_id": ["a"], "question": ["age"], "answer": ["65+"]})
    table = make_facts(standing, value, profile, survey, ["age", "income"])
    assert table["member_id"].tolist() == ["a", "b"]
    assert table["age"].tolist() == ["65+", "unknown"]
    assert table["income"].tolist() == ["unknown", "unknown"]
    assert table["chance"].tolist() == [0.2, 0.7] and not table["refused"].any()
    days = pd.DataFrame({"member_id": ["a", "a"], "as_of": [1, 2], "days_since_last": [3.0, 9.0]})
    more = make_facts(standing, value, profile, survey, [], days, {"age": ["65+", "19-24"], "income": ["low"]})
    assert more["days_since_last"].tolist()[:1] == [9.0] and np.isnan(more["days_since_last"][1])
    assert more["refused"].tolist() == [True, False]
    assert make_facts(standing, value, profile, survey, [], refused=["b"])["refused"].tolist() == [False, True]
    twice = pd.concat([survey, survey.assign(answer="19-24")])
    with pytest.raises(ParamError, match=r"'age' has several answers of one member, e.g. a"):
        make_facts(standing, value, profile, twice, ["age"])


def test_a_benefit_of_which_nothing_is_known_and_an_unknown_persona_are_named():
    with pytest.raises(DataError, match="nothing is known of discount, points; known: gift, delivery"):
        replace(SETTING, reaction=known_reaction.on_orders(CATALOGUE[:2])).options()
    strangers = [CATALOGUE[0].model_copy(update={"personas": ["Nobody"]})]
    with pytest.raises(ParamError, match=r"gift: personas \['Nobody'\]: nobody has them"):
        replace(SETTING, settings=SETTINGS.model_copy(update={"catalogue": strangers})).options()


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
        ({"places": -1}, "places = -1"),
        ({"name": "points_boost"}, "every benefit needs its own name"),
        ({"action": "boost points"}, "every benefit needs its own action"),
    ],
)
def test_a_catalogue_that_cannot_be_is_refused_in_words(change, said):
    raw = params.read()
    raw["benefits"]["catalogue"] = params.parse(raw).plain()["benefits"]["catalogue"]
    raw["benefits"]["catalogue"][0] |= change
    with pytest.raises(ParamError) as error:
        params.parse(raw)
    assert said in str(error.value)


def test_a_points_multiplier_must_say_how_many():
    with pytest.raises(ValidationError, match="it is None with kind points_multiplier"):
        Benefit(name="x", kind="points_multiplier", uplift=0.1, uplift_sd=0)
