"""What the tiers come to: tables that add up, and words that say the same as the numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.report.figures import tiers as plots_tiers
from membership.report.old_words import tiers as tier_summary
from membership.settings import params
from membership.tiers import points, rules, thresholds, worth

KNOBS = params.parse(
    params.read(),
    {
        "tiers.qualify_by": "spend",
        "tiers.search.min_share": 0.05,
        "tiers.search.budget": 1e9,
        "tiers.search.max_moves_per_year": 50,
        "tiers.search.candidates": 20,
        "tiers.pull.reach": 0.1,
    },
).tiers
TERMS = worth.Terms(KNOBS, margin_rate=0.25, horizon_days=90, breakage=0.2)
MONTHS = pd.date_range("2020-02-01", periods=6, freq="MS", name="as_of").as_unit("us")


@pytest.fixture(scope="module")
def found():
    """A small programme, searched and replayed: what the notebook has at hand."""
    random = np.random.default_rng(7)
    index = pd.Index([f"m{i:03d}" for i in range(120)], name="member_id")
    level = random.lognormal(11, 1, 120)
    amounts = pd.DataFrame(level[:, None] * random.uniform(0.3, 1.7, (120, 6)), index, MONTHS).astype("int64")
    value = pd.DataFrame({"member_id": index, "expected_spend": level, "expected_orders": 4.0, "value": level / 4})
    search = thresholds.search(amounts, value, TERMS)
    ranks = rules.replay(amounts, search.rule)
    base = (amounts // 600).astype("int32")
    claim = points.vouchers(np.arange(120) % 2 == 0, 50)
    books = points.keep(points.multiplied(base, ranks, KNOBS), base * 0, claim, 90)
    standing = rules.standing(ranks, amounts, books.last, search.rule, KNOBS, amounts.iloc[:, -1] * 0.8)
    by_tier = tier_summary.by_tier(standing, value, KNOBS)
    agreement = tier_summary.agreement(standing, value, KNOBS)
    owed = tier_summary.owed(points.liability(books, KNOBS), points.lots(books, KNOBS), TERMS)
    return {
        "amounts": amounts, "value": value, "search": search, "ranks": ranks, "books": books, "standing": standing,
        "by_tier": by_tier, "agreement": agreement, "owed": owed,
        "monthly": tier_summary.by_month(ranks, amounts, books, TERMS),
        "metrics": tier_summary.metrics(search, by_tier, agreement, rules.moves(ranks), owed),
    }  # fmt: skip


def test_the_rule_says_what_it_takes_to_reach_and_to_keep_a_tier():
    rule = rules.rule(KNOBS, [100_000, 200_000, 300_050])
    levels = pd.DataFrame(
        {"threshold": rule.thresholds, "members": 1, "gain": 5.0, "cost": 2.0, "net": 3.0}, index=list(rule.names)
    )
    table = tier_summary.rule_table(worth.Appraisal(rule, levels, 0.1), KNOBS)
    assert table["reach"].tolist() == ["0", "1,000", "2,000", "3,000"]
    assert table["keep"].tolist() == ["0", "800", "1,600", "2,400"]
    assert table["net"].tolist() == [3.0] * 4
    by_points = KNOBS.model_copy(update={"qualify_by": "points"})
    assert tier_summary.amount(1500, by_points) == "1,500 points"


def test_tiers_by_hand():
    standing = pd.DataFrame(
        {
            "member_id": list("abcd"),
            "tier": ["Member", "Member", "Silver", "Silver"],
            "tier_rank": [0, 0, 1, 1],
            "points": [1, 2, 3, 4],
            "qualifying": [950, 0, 1500, 1000],
            "next_tier": ["Silver", "Silver", "Gold", "Gold"],
            "to_next": [50, 1000, 500, 1000],
            "grace_left": [np.nan, np.nan, 0, np.nan],
            "about_to_drop": [False, False, True, False],
            "to_keep": [0, 0, 40_000, 0],
        }
    )
    value = pd.DataFrame({"member_id": list("abcd"), "value": [100.0, 100, 300, 500]})
    value.loc[0, "value"] = 400.0
    table = tier_summary.by_tier(standing, value, KNOBS)
    assert table.loc["Silver", ["members", "share", "value", "points", "near_next"]].tolist() == [2, 0.5, 400, 7, 0]
    assert table["near_next"].to_dict() == {"Member": 1, "Silver": 0, "Gold": 0, "Platinum": 0}
    assert table.loc["Gold", ["members", "share", "value_share"]].tolist() == [0, 0, 0]
    assert table["value_share"].sum() == pytest.approx(1)
    agreement = tier_summary.agreement(standing, value, KNOBS)  # the best two by value are d and a
    assert agreement.loc["Silver"].tolist() == [1, 1, 0, 0]
    assert agreement.to_numpy().sum() == 4
    drops = tier_summary.dropping(standing, KNOBS)
    assert drops.loc["Silver"].tolist() == [2, 1, 1, "400"]
    assert drops.loc["Gold"].tolist() == [0, 0, 0, "-"]
    rule = rules.rule(KNOBS, [1000, 2000, 3000])
    near = tier_summary.near_next(standing, rule)
    assert near.loc["Silver"].tolist() == [0, 1, 1]  # a lacks 5 %, not less
    assert near.loc["Gold"].tolist() == [0, 0, 0]


def test_months_add_up_to_all_members_all_margin_and_all_points(found):
    monthly = found["monthly"]
    assert (monthly.groupby("as_of")["members"].sum() == 120).all()
    margin = monthly.groupby("as_of")["value"].sum()
    pd.testing.assert_series_equal(margin, found["amounts"].sum() * 0.25, check_names=False, check_freq=False)
    earned = found["books"].earned.sum() * TERMS.point_cost
    pd.testing.assert_series_equal(
        monthly.groupby("as_of")["points"].sum(), earned, check_names=False, check_freq=False
    )
    first = monthly[monthly["as_of"] == MONTHS[0]]
    assert first["members"].tolist() == [120, 0, 0, 0]  # everybody begins in the entry tier
    last = monthly[monthly["as_of"] == MONTHS[-1]].set_index("tier")
    began = np.bincount(found["ranks"].iloc[:, -2], minlength=4)
    assert last["running"].tolist() == (began * TERMS.levels("cost")).tolist()
    shares = tier_summary.shares(monthly, "value")
    assert shares.sum(axis=1).tolist() == pytest.approx([1] * 6)
    assert shares.columns.tolist() == KNOBS.names


def test_points_outstanding_are_those_of_the_books(found):
    assert found["owed"]["points"].sum() == found["books"].last.sum()
    assert found["owed"]["cost"].sum() == pytest.approx(found["books"].last.sum() * KNOBS.point_value * 0.8)


def test_metrics_and_conclusion_agree(found):
    metrics = found["metrics"]
    assert sum(metrics[f"member_share_{name.lower()}"] for name in KNOBS.names) == pytest.approx(1)
    assert metrics["tiers_net"] == pytest.approx(metrics["tiers_gain"] - metrics["tiers_cost"])
    assert metrics["members"] == 120
    sensitivity = thresholds.sensitivity(found["search"], found["amounts"], found["value"])
    text = tier_summary.conclusion(found["search"], found["by_tier"], metrics, sensitivity)
    assert f"Silver from {metrics['threshold_silver'] / 100:,.0f}" in text
    assert f"bring {metrics['tiers_net'] / 100:,.0f} more margin" in text
    assert f"lower, {sensitivity.loc['lower', 'net'] / 100:,.0f}" in text
    assert "if members respond as assumed" in text


def test_figures_are_titled_and_labelled(found):
    search, standing = found["search"], found["standing"]
    axes = [
        plots_tiers.curves(search),
        *plots_tiers.tradeoff(thresholds.tradeoff(search.choices, [0.5, 1, 2]), KNOBS.search),
        plots_tiers.members_and_value(found["by_tier"]),
        plots_tiers.monthly_moves(rules.moves(found["ranks"]), 2),
        plots_tiers.cost_by_month(found["monthly"]),
        plots_tiers.distance(tier_summary.distances(standing, search.rule)),
        plots_tiers.outstanding(found["owed"]),
    ]
    assert all(ax.get_title() and ax.get_ylabel() and ax.get_xlabel() is not None for ax in axes)
    assert len(axes[0].get_lines()) == 3 + 3 + 1  # a curve and a threshold a level, and zero
    plt.close("all")


def test_tables_show_cents_as_units_of_currency_and_shares_per_cent(found):
    shown = plots_tiers.readable(pd.DataFrame({"cost": [1250.0], "share": [0.25], "members": [1200]})).to_html()
    assert all(words in shown for words in ("12.50", "25.0%", "1,200"))
    liability = points.liability(found["books"], KNOBS)
    assert "2020-02-01<" in plots_tiers.readable(liability, thresholds=True).to_html()
