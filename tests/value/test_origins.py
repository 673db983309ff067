import numpy as np
import pandas as pd
import pytest
import small_panel

from membership.base.errors import DataError
from membership.settings import params
from membership.value import choose, origins
from membership.value.candidate_models import NAIVE
from membership.value.panel import outcome

MEMBERS = 150
OVERRIDES = {"value.origins": 2, "value.learning_origins": 1, "value.network.epochs": 5, "value.boosting.iterations": 5}
SEED = 3


@pytest.fixture(scope="module")
def settings():
    return params.parse(params.read(), OVERRIDES).value


@pytest.fixture(scope="module")
def bought():
    return small_panel.purchases(MEMBERS)


@pytest.fixture(scope="module")
def known(bought):
    return small_panel.build(bought, MEMBERS)


@pytest.fixture(scope="module")
def rolled(known, settings):
    return origins.roll(known, settings, SEED)


def test_every_origin_has_a_prediction_of_every_member_by_every_candidate(rolled, known, settings):
    rows = rolled.predictions
    assert rows["origin"].unique().tolist() == known.cutoffs[-3:-1]
    assert rows.groupby(["origin", "candidate"]).size().eq(MEMBERS).all()
    assert rows.notna().all(axis=None) and (rows[["orders", "spend"]] >= 0).all(axis=None)
    first, last = (set(part["candidate"]) for _, part in rows.groupby("origin"))
    assert first == set(settings.candidates) - {"stack"} and last == set(settings.candidates)
    assert rolled.refusals.drop(columns="message").to_numpy().tolist() == [[known.cutoffs[-3], "stack"]]


def test_the_oldest_origin_teaches_the_stack_and_is_not_judged(rolled, known):
    assert rolled.judged["origin"].unique().tolist() == [known.cutoffs[-2]]


def test_what_happened_later_changes_no_fit_and_no_prediction(bought, rolled, known, settings):
    origin = known.cutoffs[-2]
    day = (origin - small_panel.START).days
    later = pd.DataFrame({"member_id": [f"m{n:04d}" for n in range(MEMBERS)] * 9, "amount": 777_777})
    planted = pd.concat([bought, later.assign(day=day + np.arange(len(later)) % 30)])
    again = origins.roll(small_panel.build(planted, MEMBERS), settings, SEED)
    told = ["origin", "member_id", "candidate", "orders", "spend"]
    pd.testing.assert_frame_equal(again.predictions[told], rolled.predictions[told])
    pd.testing.assert_frame_equal(again.parameters, rolled.parameters)
    changed = again.judged["actual_spend"].to_numpy() != rolled.judged["actual_spend"].to_numpy()
    assert changed.all()


def test_a_refit_sees_all_snapshots_and_learns_its_stack_from_all_origins(rolled, known, settings):
    fitted = origins.fit(known, rolled.predictions, settings, SEED)
    assert fitted.origin == known.cutoffs[-1] and not fitted.refusals
    spend = fitted.predict("spend", known.now, 45)
    weights = fitted.candidates["stack"].parameters["value"]
    assert list(spend) == settings.candidates
    assert weights.groupby(weights.index.str.split(":").str[0]).sum().tolist() == pytest.approx([1, 1])
    named = weights[weights.index.str.startswith("spend:")].rename(lambda name: name.split(":")[1])
    np.testing.assert_allclose(spend["stack"], spend[named.index] @ named)


def test_parameters_are_there_by_origin_to_show_their_drift(rolled, known):
    alpha = rolled.parameters.query("candidate == 'pareto_nbd' and parameter == 'alpha_days'")
    assert alpha["origin"].tolist() == known.cutoffs[-3:-1]
    assert (alpha["low"] < alpha["value"]).all() and (alpha["value"] < alpha["high"]).all()


def test_a_model_that_refuses_is_left_out_with_its_reason_and_rules_of_thumb_stay(settings):
    once = small_panel.purchases(40).drop_duplicates("member_id")
    rolled = origins.roll(small_panel.build(once, 40), settings, SEED)
    assert set(NAIVE) <= set(rolled.predictions["candidate"]) <= {*NAIVE, "stack"}
    reasons = rolled.refusals.groupby("candidate")["message"].first()
    assert "bought on a second day" in reasons["bgnbd"]
    assert "bought on a second day" in reasons["boosted"]


def test_cutoffs_are_one_validation_apart_and_end_where_members_are_scored():
    p = params.parse(params.read())
    days = origins.cutoffs(p.windows, p.value)
    assert days[-1] == p.windows.as_of and days[-2] == p.windows.calibration_end
    back = 2 * 3  # two horizons of 90 days in windows of 30; one more origin teaches
    assert len(days) == back + 1 + p.value.learning_origins + 1
    year = params.parse(params.read(), {"value.horizon_days": 365})  # longer than what is known: nothing to go back to
    assert len(origins.cutoffs(year.windows, year.value)) == p.value.origins + p.value.learning_origins + 1


def test_a_short_history_has_fewer_cutoffs_and_still_a_choice(bought, settings):
    short = {"windows.start": "2017-08-15", "value.origins": 3}  # 108 days before as_of
    p = params.parse(params.read(), short)
    assert len(origins.cutoffs(p.windows, p.value)) == 3
    few = small_panel.build(bought, MEMBERS, small_panel.CUTOFFS[:3])
    rolled = origins.roll(few, settings, SEED)
    assert {"mean", "rfm", "boosted", "ziln", "stack"} <= set(rolled.refusals["candidate"])
    assert "no cut-off before it" in rolled.refusals.set_index("candidate")["message"]["rfm"]
    fitted = origins.fit(few, rolled.predictions, settings, SEED)
    choice = choose.choose(rolled, settings, np.random.default_rng(0), fitted.refusals)
    assert choice.name in fitted.candidates and choice.lifetime is not None


def test_too_short_a_history_is_an_error_in_words():
    p = params.parse(params.read(), {"windows.start": "2017-10-01"})
    with pytest.raises(DataError, match=r"three windows as long as the validation, 90 days .* leaves 61"):
        origins.cutoffs(p.windows, p.value)


def test_outcome_leaves_out_who_missed_an_origin():
    rows = pd.DataFrame(
        [("o1", "a", "x", 1.0, 5.0), ("o1", "a", "y", 2.0, 5.0), ("o2", "a", "x", 3.0, 6.0)],
        columns=["origin", "member_id", "candidate", "spend", "actual_spend"],
    )
    actual, predicted = outcome(rows, "spend")
    assert actual.tolist() == [5, 6]
    assert predicted.to_dict("list") == {"x": [1, 3]}
