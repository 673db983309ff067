import numpy as np

from membership.evaluate import findings


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
