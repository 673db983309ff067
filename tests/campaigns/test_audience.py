"""Audiences of campaigns: worked by hand, blind to what comes later, and plain about what cannot be used."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meaning import meant

from membership.base.errors import DataError
from membership.campaigns import audience
from membership.settings import params

SETTINGS = params.load("campaigns").campaigns.model_copy(update={"history_days": 28})
WINDOWS = params.parse(
    params.read(),
    {
        "windows.start": "2020-01-01",
        "windows.calibration_end": "2020-05-01",
        "windows.validation_end": "2020-06-01",
        "windows.holdout_end": "2020-07-01",
    },
).windows
REPURCHASE = 7  # days
OFFER = {"offer_id": "C1", "kind": "Mail", "starts_at": "2020-03-01", "ends_at": "2020-03-11"}
BOUGHT = [  # ten days of placebo from 20 February, ten of campaign from 1 March
    ("a", "purchase", "2020-01-10", 1000, 250),
    ("a", "purchase", "2020-02-20", 300, 0),
    ("a", "purchase", "2020-02-29", 500, 0),
    ("a", "purchase", "2020-03-01", 700, 0),
    ("a", "return", "2020-03-10", -100, 0),
    ("a", "purchase", "2020-03-11", 9000, 0),
    ("b", "purchase", "2020-02-19", 400, 0),
    ("c", "purchase", "2020-02-25", 800, 0),
    ("d", "view", "2020-01-05", 0, 0),
]


def events(rows=BOUGHT):
    frame = pd.DataFrame(rows, columns=["member_id", "kind", "local_at", "amount", "discount"])
    return ibis.memtable(meant(frame).assign(local_at=pd.to_datetime(frame["local_at"]) + pd.Timedelta(hours=12)))


def offers(*changes):
    frame = pd.DataFrame([{**OFFER, **change} for change in changes or [{}]])
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("starts_at", "ends_at")})


def exposures(*changes):
    blank = {"at": None, "arm": None, "propensity": np.nan, "redeemed_at": None}
    rows = [{"member_id": "a", "offer_id": "C1", **blank, **change} for change in changes or [{}]]
    frame = pd.DataFrame(rows).assign(exposure_id=[f"X{number}" for number in range(len(rows))])
    frame = frame.astype({"propensity": float, "arm": "str"})
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("at", "redeemed_at")})


def history(rows=()):
    frame = pd.DataFrame(rows, columns=["member_id", "as_of", "tier"]).astype({"member_id": "str", "tier": "str"})
    return frame.assign(as_of=pd.to_datetime(frame["as_of"]))


def reachable(bought=BOUGHT, given=None, sent=None, tiers=None, timezone="UTC"):
    sources = [offers() if given is None else given, exposures() if sent is None else sent]
    return audience.build(events(bought), *sources, history(tiers or ()), WINDOWS, timezone, SETTINGS, REPURCHASE)


def test_outcome_placebo_and_covariates_by_hand():
    found = reachable()
    rows, x, before = found.rows.set_index("member_id"), found.x, found.x_placebo
    assert rows.index.tolist() == ["a", "b"]  # c first bought in the placebo window, d never
    assert rows["treated"].tolist() == [True, False]
    assert rows["outcome"].tolist() == [(700 - 100) / 10, 0]
    assert rows["placebo"].tolist() == [(300 + 500) / 10, 0]
    days = 31 + 29 - 9  # from 10 January to 1 March
    assert x["log spend a day"].tolist() == pytest.approx(np.log1p([1800 / days, 400 / 11]))
    assert x["log spend, 28 days"].tolist() == pytest.approx(np.log1p([800, 400]))
    assert x["log days since order"].tolist() == pytest.approx(np.log([1, 11]))
    assert x["discount share"].tolist() == pytest.approx([250 / 2050, 0])
    assert before["log spend a day"].tolist() == pytest.approx(np.log1p([1000 / 41, 400 / 1]))
    assert before["orders, 28 days"].tolist() == pytest.approx([0, 1])


later = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["purchase", "return"]), st.integers(0, 200), st.integers(1, 999)),
    max_size=8,
)


@given(later)
@settings(max_examples=6, deadline=None)
def test_nothing_on_or_after_a_windows_first_day_is_known_of_it(rows):
    for first, name in (("2020-03-01", "x"), ("2020-02-20", "x_placebo")):
        more = [
            (who, kind, str((pd.Timestamp(first) + pd.Timedelta(days=day)).date()), amount, 0)
            for who, kind, day, amount in rows
        ]
        pd.testing.assert_frame_equal(getattr(reachable(BOUGHT + more), name), getattr(reachable(), name))


def test_nothing_on_or_after_the_day_of_scoring_is_read():
    more = [("a", "purchase", "2020-06-01", 5000, 0), ("e", "purchase", "2020-06-02", 5000, 0)]
    pd.testing.assert_frame_equal(reachable(BOUGHT + more).rows, reachable().rows)


def test_only_campaigns_that_are_over_and_have_history_count_and_the_others_are_said():
    given = offers(
        {},
        {"offer_id": "open", "ends_at": "2020-06-02"},
        {"offer_id": "endless", "ends_at": None},
        {"offer_id": "backwards", "ends_at": "2020-02-01"},
        {"offer_id": "early", "starts_at": "2020-02-01"},
        {"offer_id": "last", "starts_at": "2020-05-20", "ends_at": "2020-06-01"},
    )
    found = reachable(given=given, sent=exposures({}, {"offer_id": "last"}))
    assert found.rows["offer_id"].unique().tolist() == ["C1", "last"]
    assert found.left_out[found.left_out > 0].to_dict() == {
        "campaigns without a start or an end": 2,
        "campaigns not over yet": 1,
        "campaigns with too little history before them": 1,
    }


def test_days_are_those_of_the_members_clocks_and_a_last_day_counts_in_full():
    given = offers({"starts_at": "2020-03-01 05:00", "ends_at": "2020-03-10 16:30"})
    table, _ = audience.schedule(given, "America/New_York", WINDOWS, SETTINGS, REPURCHASE)
    assert table.loc[0, ["start", "end"]].tolist() == [pd.Timestamp("2020-03-01"), pd.Timestamp("2020-03-11")]
    assert table.loc[0, "days"] == 10


def test_exposures_of_unknown_members_and_campaigns_repeated_ones_and_early_redemptions_are_counted():
    sent = exposures(
        {"redeemed_at": "2020-02-01"},
        {"at": "2020-03-04", "redeemed_at": "2020-03-05"},
        {"member_id": "nobody"},
        {"offer_id": "C9"},
    )
    found = reachable(sent=sent)
    assert found.rows["treated"].tolist() == [True, False]
    assert not found.rows["redeemed"].any()
    assert found.left_out["exposures to unknown campaigns"] == 1
    assert found.left_out["exposures repeated"] == 1
    assert found.left_out["redemptions before their exposure"] == 1
    assert found.left_out["exposures of members without a purchase before"] == 1


@pytest.mark.parametrize("who", [("a", "b"), ("nobody",)])
def test_a_campaign_that_reached_everybody_or_nobody_says_nothing(who):
    found = reachable(sent=exposures(*({"member_id": one} for one in who)))
    assert found.rows.empty
    assert found.left_out["campaigns that reached everybody or nobody"] == 1


def test_where_arms_and_propensities_are_known_only_those_drawn_count():
    bought = [*BOUGHT, ("e", "purchase", "2020-02-01", 100, 0)]
    drawn = exposures({"arm": "treated", "propensity": 0.3}, {"member_id": "b", "arm": "control", "propensity": 0.7})
    found = reachable(bought, sent=drawn).rows
    assert found["member_id"].tolist() == ["a", "b"]
    assert found["propensity"].tolist() == pytest.approx([0.3, 0.3])
    assert found["randomised"].all()
    unsure = drawn.assign(propensity=[0.3, np.nan])
    found = reachable(bought, sent=unsure).rows
    assert found[["member_id", "treated"]].to_numpy().tolist() == [["a", True], ["b", False], ["e", False]]
    assert not found["randomised"].any()
    assert found["propensity"].isna().all()


def test_orders_count_within_their_days_of_the_start_and_of_the_placebo_window_whatever_the_campaigns_length():
    rows = reachable().rows.set_index("member_id")
    assert rows[["ordered", "ordered_before"]].to_numpy().tolist() == [[1, 1], [0, 0]]
    late = [("a", "purchase", "2020-01-10", 100, 0), ("a", "purchase", "2020-03-08", 100, 0), *BOUGHT[6:]]
    rows = reachable(late).rows.set_index("member_id")
    assert rows["outcome"].tolist() == [10, 0]
    assert rows["ordered"].tolist() == [0, 0]  # 8 March is the eighth day
    short = offers({"ends_at": "2020-03-03"})  # two days: the window before it still holds seven
    rows = reachable(given=short).rows.set_index("member_id")
    assert rows["ordered"].tolist() == [1, 0]
    assert rows["outcome"].tolist() == [350, 0]
    assert rows["placebo"].tolist() == [0, 0]  # 23 and 24 February, and b's first order was before
    assert rows["ordered_before"].tolist() == [1, 0]  # 29 February


def test_a_campaign_counts_once_the_days_of_an_order_are_over():
    given = offers({"starts_at": "2020-05-28", "ends_at": "2020-05-30"}, {"offer_id": "C2"})
    found = reachable(given=given, sent=exposures({}, {"offer_id": "C2"}))
    assert found.rows["offer_id"].unique().tolist() == ["C2"]
    assert found.left_out["campaigns not over yet"] == 1


def test_a_propensity_of_0_is_refused():
    with pytest.raises(DataError, match=r"1 have propensity 0 of the arm .* member a in campaign C1"):
        reachable(sent=exposures({"arm": "treated", "propensity": 0.0}))


@pytest.mark.parametrize("propensity", [0.5, np.nan])
@pytest.mark.parametrize("names", [("mail", "call"), ("0", "1"), ("treated", "holdout"), ("mail", None)])
def test_several_arms_and_none_called_control_are_refused_with_and_without_propensities(names, propensity):
    two = [{"arm": name, "propensity": propensity, "member_id": who} for name, who in zip(names, "ab", strict=True)]
    with pytest.raises(DataError, match=r"campaign C1 has the arms .* none is called 'control'.*arms: {"):
        reachable(sent=exposures(*two))


@pytest.mark.parametrize("propensity", [0.5, np.nan])
@pytest.mark.parametrize("name", ["control", "Control", "CONTROL"])
def test_who_was_held_out_is_never_counted_as_reached(name, propensity):
    rows = reachable(
        sent=exposures(
            {"arm": "mail", "propensity": propensity}, {"member_id": "b", "arm": name, "propensity": propensity}
        )
    ).rows
    assert rows.set_index("member_id")["treated"].to_dict() == {"a": True, "b": False}
    assert rows["offer_id"].tolist() == ["C1", "C1"]


ARMS = [("a", "mail", 0.5), ("b", "call", 0.3), ("c", "control", 0.2)]
FIRST = [(who, "purchase", "2020-01-10", 100, 0) for who in "abcd"]


def several(rows=ARMS):
    return exposures(*({"member_id": who, "arm": arm, "propensity": chance} for who, arm, chance in rows))


def test_each_of_several_arms_is_a_campaign_of_its_own_against_the_same_control():
    found = reachable(FIRST, sent=several())
    rows = found.rows
    assert list(zip(rows["offer_id"], rows["member_id"], rows["treated"], strict=True)) == [
        ("C1 / call", "b", True),
        ("C1 / call", "c", False),
        ("C1 / mail", "a", True),
        ("C1 / mail", "c", False),
    ]
    assert rows["kind"].unique().tolist() == ["Mail / call", "Mail / mail"]
    assert rows["propensity"].tolist() == pytest.approx([0.3 / 0.5] * 2 + [0.5 / 0.7] * 2)
    assert rows["given"].tolist() == pytest.approx([0.3, 0.2, 0.5, 0.2])
    assert rows["campaign"].unique().tolist() == ["C1"]
    assert found.counts[["campaigns", "randomised"]].tolist() == [1, 1]
    untold = reachable(FIRST, sent=several().assign(propensity=np.nan)).rows
    assert untold.loc[untold["offer_id"] == "C1 / call", "member_id"].tolist() == ["b", "c", "d"]
    assert untold["propensity"].isna().all()


def test_several_arms_whose_propensities_differ_between_members_are_refused():
    with pytest.raises(DataError, match="campaign C1 has several treated arms, and the propensity of mail differs"):
        reachable(FIRST, sent=several([*ARMS, ("d", "mail", 0.4)]))


def test_the_stage_is_that_before_the_campaign_where_it_is_known():
    stages = pd.DataFrame({"member_id": "a", "as_of": ["2020-02-01", "2020-03-01"], "stage": ["new", "active"]})
    stages["as_of"] = pd.to_datetime(stages["as_of"])
    sources = [offers(), exposures(), history()]
    found = audience.build(events(), *sources, WINDOWS, "UTC", SETTINGS, REPURCHASE, stages).rows
    assert found["stage"].tolist() == ["active", "unknown"]
    assert found["stage_before"].tolist() == ["new", "unknown"]
    assert (reachable().rows["stage"] == "unknown").all()


def test_the_tier_is_that_before_the_campaign_and_for_the_placebo_that_before_its_window():
    tiers = [("a", "2020-02-01", "Base"), ("a", "2020-03-01", "Top"), ("a", "2020-04-01", "Base")]
    found = reachable(tiers=tiers).rows
    assert found["tier"].tolist() == ["Top", "unknown"]
    assert found["tier_before"].tolist() == ["Base", "unknown"]


def test_other_campaigns_count_from_the_day_they_reached_a_member():
    given = offers(
        {},
        {"offer_id": "before", "starts_at": "2020-02-10", "ends_at": "2020-02-28"},
        {"offer_id": "beside", "starts_at": "2020-02-15", "ends_at": "2020-04-01"},
        {"offer_id": "after", "starts_at": "2020-03-02", "ends_at": "2020-03-09"},
    )
    sent = exposures({}, *({"offer_id": one, "redeemed_at": "2020-03-05"} for one in ("before", "beside", "after")))
    found = reachable(given=given, sent=sent)
    x = found.x[found.rows["offer_id"].eq("C1") & found.rows["treated"]].iloc[0]
    assert x[["campaigns before", "campaigns at the time", "redeemed before"]].tolist() == [2, 1, 0]


def test_overlapping_campaigns_are_those_in_the_same_days():
    rows = pd.DataFrame(
        [("a", "1", 1, 5), ("a", "2", 4, 8), ("a", "3", 8, 9), ("b", "1", 1, 5)],
        columns=["member_id", "offer_id", "start", "end"],
    ).assign(treated=True)
    assert audience.overlapping(rows) == 2 / 4
    assert audience.overlapping(rows[:0]) == 0


def test_without_campaigns_or_purchases_the_panel_is_empty():
    for found in (reachable(given=offers()[:0], sent=exposures()[:0]), reachable(bought=BOUGHT[-1:])):
        assert len(found.rows) == len(found.x) == len(found.x_placebo) == 0
