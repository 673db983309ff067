import json

import numpy as np
import pandas as pd
import pytest
from small_panel import scored

from membership.base import batches, engine, tables
from membership.value import holdout, score
from membership.value.panel import Panel
from membership.value.score import Worth


def check(value: pd.DataFrame, members) -> pd.DataFrame:
    """Return the table by member; it has every member, fits its schema, and no number is missing or upside down."""
    checked = tables.check("value", value)
    assert checked["member_id"].tolist() == sorted(members)
    assert checked.notna().all(axis=None) and np.isfinite(checked.select_dtypes("number")).all(axis=None)
    for name, low, high in (("value", "value_low", "value_high"), ("residual_value", "residual_low", "residual_high")):
        rounding = 1e-12 * checked[name]
        assert checked[name].between(checked[low] - rounding, checked[high] + rounding).all()
    return checked.set_index("member_id")


def test_every_member_has_a_value_an_interval_and_a_group(result, known):
    value = check(result[2], known.now.index)
    assert value["value"].sum() > 0 and set(value["value_group"]) >= {"high value", "may be gone"}


def test_who_never_bought_is_expected_to_bring_nothing(result, known):
    never = check(result[2], known.now.index)[(known.now["age_days"] == 0).to_numpy()]
    zero = ["rfm_value", "p_alive", "expected_orders", "expected_spend", "value", "value_low"]
    assert len(never) and (never[[*zero, "residual_value", "residual_low", "residual_high"]] == 0).all(axis=None)
    assert never["value_group"].eq("others").all() and (never[["p_repurchase", "p_horizon"]] > 0).all(axis=None)


def test_value_is_the_discounted_margin_on_what_the_chosen_one_expects(result, known, p):
    fitted, choice, value = result
    spend = fitted.candidates[choice.name].spend(known.now, p.value.horizon_days) * (known.now["age_days"] > 0)
    factor = score.discount_factor(p.value.horizon_days, p.economics.discount_rate)
    np.testing.assert_allclose(value["value"], p.economics.margin_rate * factor * spend)


def test_p_alive_is_what_the_chance_of_an_order_implies_and_the_residual_value_rests_on_it(result, known, p):
    fitted, choice, value = result
    model = fitted.candidates[choice.lifetime]
    bought = (known.now["age_days"] > 0).to_numpy()
    said, buys = model.buying.p_alive(known.now), model.buying.p_purchase(known.now, p.value.horizon_days)
    given_alive = buys[bought] / said[bought]
    np.testing.assert_allclose(value["p_alive"][bought], np.minimum(value["p_horizon"][bought] / given_alive, 1))
    worth = Worth.of(fitted, choice, score.ErrorBand(np.zeros(0), np.zeros(1), np.zeros(1)))
    chances = value.set_index("member_id")[["p_repurchase", "p_horizon"]]
    halved = worth.forecast(known.now, chances / 2, p.value, p.economics).reset_index()
    below = (value["p_alive"] < 1) & bought
    np.testing.assert_allclose(halved["residual_value"][below], value["residual_value"][below] / 2)
    longer = model.spend(known.now, p.value.lifetime_days) * p.economics.margin_rate
    lowered = (value["p_alive"] <= said).to_numpy()
    assert lowered.any() and (value["residual_value"] <= longer + 1e-9)[lowered].all()
    assert value["residual_value"].sum() > 0.5 * longer.sum()


def test_however_few_members_are_valued_together_the_table_is_the_same(known, p, result, monkeypatch):
    (fitted, choice, value), found = result, []
    chances = value.set_index("member_id")[["p_repurchase", "p_horizon"]]
    errors = score.ErrorBand(np.array([500.0]), np.full(2, -900.0), np.full(2, 900.0))
    few = known.now[:8]
    for together in (1, 7, 8):
        monkeypatch.setattr(batches, "SIZE", together)
        found.append(score.table(fitted, choice, errors, few, chances, p.value, p.economics, p.seed))
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other, rtol=1e-9)  # products of matrices


def test_the_workers_of_spark_make_the_same_bytes(known, p, result, spark, monkeypatch):
    fitted, choice, value = result
    worth = Worth.of(fitted, choice, score.ErrorBand(np.array([500.0]), np.full(2, -900.0), np.full(2, 900.0)))
    chances = value.set_index("member_id")[["p_repurchase", "p_horizon"]]
    monkeypatch.setattr(batches, "SIZE", 70)
    asked = worth, known.now, chances, p.value, p.economics
    found = [score.forecasts(*asked, con) for con in (None, engine.connect(), engine.connect(spark))]
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other, check_exact=True)


def only(known: Panel, members: pd.Index) -> Panel:
    return Panel({day: rows.loc[members] for day, rows in known.snapshots.items()})


def alike(known: Panel) -> Panel:
    """Everybody did what the busiest member did."""
    busiest, names = known.now["purchase_days"].idxmax(), pd.Index([f"m{n:02d}" for n in range(60)], name="member_id")
    return Panel({day: rows.loc[[busiest] * 60].set_axis(names) for day, rows in known.snapshots.items()})


@pytest.mark.parametrize(
    ("what", "refused"),
    [("prospects", True), ("five", False), ("one purchase", True), ("alike", False)],
)
def test_bad_data_give_a_defined_table(what, refused, known, p):
    now = known.now
    given = {
        "prospects": lambda: only(known, now.index[now["purchase_days"] == 0]),
        "five": lambda: only(known, now.nlargest(5, "purchase_days").index),
        "one purchase": lambda: only(known, now.index[(now["frequency"] == 0) & (now["purchase_days"] == 1)]),
        "alike": lambda: alike(known),
    }[what]()
    fitted, choice, value = scored(given, p)
    found = check(value, given.now.index)
    assert choice.name in fitted.candidates
    assert (choice.lifetime is None) == refused
    assert "rfm" in fitted.refusals  # members who cannot be distinguished, or too few
    bought = given.now["age_days"].to_numpy() > 0
    assert (found.loc[~bought, "value"] == 0).all() and (found.loc[bought, "p_alive"] > 0).all()


def test_discount_factor_is_the_mean_present_value_of_an_even_stream():
    days = np.arange(100_000) / 100_000 * 365
    assert score.discount_factor(365, 0.1) == pytest.approx((1.1 ** (-days / 365)).mean(), rel=1e-5)
    assert score.discount_factor(90, 0.0) == 1


@pytest.fixture(scope="module")
def by_hand(p):
    settings = p.value.model_copy(update={"high_value_share": 0.5, "may_be_gone_chance": 0.5})
    value = pd.DataFrame(
        {
            "value": [10.0, 60, 30, 0], "p_horizon": [0.2, 0.4, 0.9, 0], "residual_value": [20.0, 80, 90, 0],
            "rfm_segment": ["new", "champion", "loyal", "not bought yet"],
        },
        index=pd.Index(list("abcd"), name="member_id"),
    )  # fmt: skip
    return value.assign(value_group=score.groups(value, settings))


def test_groups_are_value_by_the_chance_of_an_order(by_hand):
    assert by_hand["value_group"].tolist() == ["may be gone", "high value, may be gone", "high value", "others"]


def test_the_border_of_high_value_does_not_depend_on_last_digits(by_hand, p):
    settings = p.value.model_copy(update={"high_value_share": 0.5})
    for sign in (-1, 1):
        tied = by_hand.assign(value=[60.0, 30 + sign * 1e-10, 30, 0])
        assert score.groups(tied, settings)[:3].tolist() == [
            "high value, may be gone",
            "high value, may be gone",
            "others",
        ]


def test_members_worth_nothing_are_never_high_value(by_hand, p):
    nothing = by_hand.assign(value=0.0)
    assert not set(score.groups(nothing, p.value)) & {"high value", "high value, may be gone"}


def test_totals_and_concentration_are_those_computed_by_hand(by_hand):
    assert holdout.totals(by_hand) == {
        "members": 4, "total_value": 100, "total_residual_value": 190, "high_value_share_of_value": 0.9,
        "high_value_may_be_gone": 1,
    }  # fmt: skip
    curve = score.concentration(by_hand)
    assert curve["share_of_members"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve["share_of_value"].tolist() == pytest.approx([0, 0.6, 0.9, 1, 1])
    rows = score.by(by_hand, "value_group")
    assert rows.index[0] == "high value, may be gone" and rows["share_of_value"].tolist() == [0.6, 0.3, 0.1, 0]


def test_every_fitted_number_goes_to_json(result):
    fitted, choice, _ = result
    again = json.loads(json.dumps(score.parameters(fitted, choice)))
    assert again["fitted"]["bgnbd"]["alpha_days"]["value"] == fitted.candidates["bgnbd"].buying.alpha_days
    assert again["chosen"] == choice.name and again["fitted"]["zero"] and again["mean_rank"][choice.name] >= 1
