"""The Qini curve of several costed arms: by hand, against a known truth, under the null; calibration of gains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.stats import multi_armed

PREDICTED = np.array([[3.0, 4.0], [5.0, 1.0], [-1.0, 2.0]])  # of arms that cost 1 and 2
GAIN = np.array([[30.0, 50.0], [20.0, 0.0], [0.0, 7.0]])
COST = np.array([1.0, 2.0])


def rng(seed=1):
    return np.random.default_rng(seed)


def market(rows, seed, effect=1.0):
    """Three arms of equal chance; arm 1 helps where x0 > 0, arm 2 where x1 > 0, each by |x| x `effect`."""
    draw = rng(seed)
    x, arm = draw.normal(size=(rows, 2)), draw.integers(3, size=rows)
    true = effect * x
    outcome = draw.normal(size=rows) + np.column_stack([np.zeros(rows), true])[np.arange(rows), arm]
    return x, true, multi_armed.scores(arm, outcome, np.full(rows, 1 / 3), 2)


def test_three_rows_and_two_arms_worked_by_hand():
    """Ratios: row 1 arm 1: 5, row 0 arm 1: 3, then row 0 to arm 2 and row 2 to arm 2: 1."""
    path = multi_armed._path(PREDICTED, np.broadcast_to(COST, (3, 2)), price=0.0)
    spent, gained = multi_armed._walk(path, GAIN, np.ones(3))
    assert spent.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 5 / 3])  # the two of ratio 1 are bought together
    assert gained.tolist() == pytest.approx([0, 20 / 3, 50 / 3, (50 + 20 + 7) / 3])
    found = multi_armed.ranking(PREDICTED, COST, GAIN, 0.95, 20, rng(), price=0.0)
    # to the limit of 2 a row; at random the steps bring the mean gains: 50/3 by arm 1, 19 by arm 2
    own = (20 / 3 * (1 / 3) / 2 + (70 / 3) / 2 / 3 + (50 / 3 + 77 / 3) / 2 + 77 / 3 / 3) / 2
    alike = (50 / 9 / 2 / 3 + (50 / 9 + 100 / 9) / 2 / 3 + (100 / 9 + 164 / 9) / 2 + 164 / 9 / 3) / 2
    assert found.budget == 2
    assert found.area == pytest.approx(own)
    assert found.qini == pytest.approx(own - alike)


def test_an_arm_is_bought_only_where_it_is_predicted_to_bring_more_than_its_price():
    found = multi_armed.curve(PREDICTED, COST, GAIN, 0.95, 5, rng(), price=1.0)
    assert found["spent"].max() == pytest.approx(2 / 3)  # steps of ratio 1 bring no more than they cost
    assert found["worth"].iloc[-1] == pytest.approx(50 / 3 - 2 / 3)
    nothing = multi_armed.curve(PREDICTED, COST, GAIN, 0.95, 5, rng(), price=100.0)
    assert (nothing[["spent", "gain", "worth"]] == 0).all(axis=None)


def test_arms_that_cost_nothing_are_given_at_once():
    found = multi_armed.curve(PREDICTED, [0.0, 2.0], GAIN, 0.95, 5, rng(), price=0.0)
    assert found["gain"].iloc[0] == pytest.approx(50 / 3)
    free = multi_armed.ranking(PREDICTED, [0.0, 0.0], GAIN, 0.95, 5, rng())
    assert free.area == pytest.approx(77 / 3)
    assert free.budget == 0


def test_with_one_arm_of_equal_cost_the_area_is_that_of_the_uplift_curve():
    x, _, gain = market(4000, 3)
    found = multi_armed.ranking(x[:, :1] + 10, [1.0], gain[:, :1], 0.95, 5, rng(), price=0.0)
    order = np.argsort(-x[:, 0])
    gained = np.concatenate([[0], gain[order, 0].cumsum()]) / len(x)
    assert found.area == pytest.approx(np.trapezoid(gained, np.linspace(0, 1, len(gained))))
    assert found.qini == pytest.approx(found.area - gained[-1] / 2)


def test_the_known_worth_of_the_best_arms_is_recovered_at_every_budget():
    _, true, gain = market(40_000, 2)
    cost = [0.2, 0.4]
    found = multi_armed.curve(true, cost, gain, 0.95, 100, rng())
    truth = multi_armed.curve(true, cost, true, 0.95, 2, rng())
    inside = (found["low"] <= truth["worth"]) & (truth["worth"] <= found["high"])
    assert inside.mean() > 0.8
    best = np.maximum(true - cost, 0).max(axis=1).mean()
    assert found["worth"].iloc[-1] == pytest.approx(best, abs=0.03)
    assert (found["worth"].iloc[1:] > found["untargeted"].iloc[1:]).all()


def test_predictions_of_the_right_arm_beat_those_of_one_arm_and_shuffled_ones():
    x, true, gain = market(4000, 4)
    both = multi_armed.ranking(true, [0.2, 0.2], gain, 0.95, 40, rng())
    alone = multi_armed.ranking(np.column_stack([true[:, 0], np.zeros(len(x))]), [0.2, 0.2], gain, 0.95, 40, rng())
    assert both.low > 0 and both.p_value == pytest.approx(1 / 41) and both.qini > both.null_high
    assert both.area > alone.area
    wrong = multi_armed.ranking(-true, [0.2, 0.2], gain, 0.95, 40, rng())
    assert wrong.high < 0 and wrong.p_value == 1


def test_where_nothing_works_the_interval_covers_0_and_few_are_found():
    covered, found = 0, 0
    for seed in range(40):
        x, _, gain = market(600, 100 + seed, effect=0.0)
        one = multi_armed.ranking(x, [0.2, 0.3], gain, 0.95, 40, rng(seed))
        covered += one.low <= 0 <= one.high
        found += one.p_value <= 0.05
    assert covered >= 33
    assert found <= 6


def test_an_effect_that_is_the_same_for_all_rows_moves_the_area_and_not_the_qini():
    x, _, gain = market(300, 7)
    before, after = (multi_armed.ranking(x, COST, gain + same, 0.95, 5, rng(), price=0.0) for same in (0.0, 5.0))
    assert after.qini == pytest.approx(before.qini)
    assert after.area > before.area + 1


@given(st.permutations(range(30)), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_and_the_unit_of_money_change_nothing(order, seed):
    draw, order = rng(seed), np.array(order)
    predicted, gain = draw.integers(-3, 6, size=(30, 3)).astype(float), draw.normal(size=(30, 3))
    cost = draw.integers(1, 4, size=(30, 3)).astype(float)
    names = ["budget", "spent", "gain", "worth", "untargeted"]
    before = multi_armed.curve(predicted, cost, gain, 0.95, 2, rng())[names]
    after = multi_armed.curve(100 * predicted[order], 100 * cost[order], 100 * gain[order], 0.95, 2, rng())[names]
    np.testing.assert_allclose(after, 100 * before, atol=1e-9)


def test_scores_use_the_propensity_of_the_arm_got_and_expectations_only_lower_the_noise():
    arm, outcome, chance = np.array([0, 1, 2]), np.array([2.0, 5.0, 9.0]), np.array([0.5, 0.25, 0.25])
    assert multi_armed.scores(arm, outcome, chance, 2).tolist() == [[-4, -4], [20, 0], [0, 36]]
    sure = multi_armed.scores(arm, outcome, chance, 2, np.tile([2.0, 5.0, 9.0], (3, 1)))
    np.testing.assert_allclose(sure, np.tile([3.0, 7.0], (3, 1)))


def test_predicted_gains_that_are_right_have_slope_1_and_lie_within_their_intervals():
    x, true, gain = market(20_000, 5)
    found = multi_armed.calibration(true[:, 0], gain[:, 0], np.arange(len(x)), 0.99)
    assert found["rows"].tolist() == [2000] * 10
    assert found["predicted"].is_monotonic_increasing
    assert ((found["low"] <= found["predicted"]) & (found["predicted"] <= found["high"])).sum() >= 9
    value, error = multi_armed.slope(true[:, 0], gain[:, 0], np.arange(len(x)))
    assert abs(value - 1) < 3 * error < 0.1
    half, _ = multi_armed.slope(2 * true[:, 0], gain[:, 0], np.arange(len(x)))
    assert half == pytest.approx(value / 2)
    assert np.isnan(multi_armed.slope(np.ones(len(x)), gain[:, 0], np.arange(len(x)))).all()


def test_rows_of_one_cluster_are_drawn_together():
    _, true, gain = market(500, 6)
    twice = [np.repeat(part, 4, axis=0) for part in (true, gain)]
    honest = multi_armed.ranking(
        twice[0], [0.2, 0.2], twice[1], 0.95, 200, rng(), clusters=np.repeat(np.arange(500), 4)
    )
    plain = multi_armed.ranking(true, [0.2, 0.2], gain, 0.95, 200, rng())
    proud = multi_armed.ranking(twice[0], [0.2, 0.2], twice[1], 0.95, 200, rng())
    width = [one.high - one.low for one in (honest, plain, proud)]
    assert width[0] == pytest.approx(width[1], rel=0.25)
    assert width[2] < 0.7 * width[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arm": [0, 1, 3]}, "no other may occur"),
        ({"arm": [0, 1, 1]}, "every arm from 0 needs rows"),
        ({"propensity": [0.5, 0.0, 0.5]}, "1 a propensity"),
        ({"outcome": [1.0, np.nan, 1.0]}, "1 rows have no outcome"),
        ({"outcome": [1.0]}, "one each a row"),
    ],
)
def test_a_log_that_cannot_be_read_is_refused(change, message):
    log = {"arm": [0, 1, 2], "outcome": [1.0, 2.0, 3.0], "propensity": [0.5, 0.25, 0.25]} | change
    with pytest.raises(DataError, match=message):
        multi_armed.scores(**{name: np.array(value) for name, value in log.items()}, arms=2)


def test_predictions_that_are_missing_and_costs_below_0_are_refused():
    for predicted, cost in ((PREDICTED[:2], COST), (np.full((3, 2), np.nan), COST), (PREDICTED, [-1.0, 1.0])):
        with pytest.raises(DataError, match="multi-armed Qini"):
            multi_armed.ranking(predicted, cost, GAIN, 0.95, 2, rng())
