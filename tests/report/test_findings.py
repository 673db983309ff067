import numpy as np
import pandas as pd

from membership.report.old_words import findings


def test_the_result_table_has_a_line_for_each_metric(world):
    found = world.run()
    lines = findings.result_table(found).splitlines()
    assert len(lines) == 2 + len(found.headline)
    row = found.overall("recall_at_10")
    assert lines[2].startswith(f"| recall_at_10 | 40 | {row['control']:.4f} | {row['treatment']:.4f} |")
    assert lines[-1].startswith("| catalogue_coverage | 40 | 0.2500 | 0.5000 | +0.2500 | - | - | - | - |")


def test_a_metric_that_nobody_has_shows_no_numbers(world):
    world.outcomes["explore_recall_at_10"] = np.nan
    line = findings.result_table(world.run()).splitlines()[4]
    assert line.startswith("| explore_recall_at_10 | 0 | - | - | - | - | - | ")


def test_words_do_not_claim_what_the_interval_does_not_show(world):
    assert "the change is above zero" in findings.in_words(world.run())
    world.change("challenger", world.values("champion") + np.tile([0.3, -0.3], 20))
    words = findings.in_words(world.run())
    assert "the change may be zero" in words
    assert "50% of 40 members gain, 50% lose" in words


def test_tiers_without_variance_are_not_compared(world):
    world.change("challenger", world.values("champion"))
    assert "cannot be compared between tiers" in findings.heterogeneity(world.run())


def test_money_is_shown_in_cents_and_groups_come_last(world):
    world.outcomes["margin_at_10"] = 100.0
    guards = pd.DataFrame(
        [{"metric": "fairness_gap", "members": 30, "control": 0.1, "treatment": 0.2, "difference": 0.1}]
    )
    lines = findings.result_table(world.run(), guards.assign(low=0.0, high=0.2)).splitlines()
    assert "| margin_at_10 (cents) | 40 | 100.0 | 100.0 | +0.0 | - |" in "\n".join(lines)
    assert lines[-1] == "| fairness_gap | 30 | 0.1000 | 0.2000 | +0.1000 | +0.0000 to +0.2000 | - | - | - |"


def test_the_size_is_told_beside_the_champion_and_between_members(world):
    world.change("champion", np.full(40, 0.5))
    world.change("challenger", np.tile([0.5, 0.7], 20))
    assert "The difference is +20.0% of the champion's, +0.99 standard deviations" in findings.size(world.run())


def test_from_nothing_no_share_is_told(world):
    world.change("champion", np.zeros(40))
    assert findings.size(world.run()).startswith("The difference is from nothing")


def test_without_known_groups_no_fairness_is_claimed(world):
    guards = pd.DataFrame([{"metric": "fairness_gap", "members": 0, "control": np.nan, "treatment": np.nan}])
    assert findings.fairness(guards, world.run()).startswith("Nothing is known of groups")
