"""`make check`: what counts as the same result on another machine."""

from membership.pipeline.check import differences


def test_equal_metrics_do_not_differ():
    assert differences({"a": 1.0, "b": None, "c": "x"}, {"a": 1.0 + 1e-9, "b": None, "c": "x"}, {}) == []


def test_a_difference_beyond_the_tolerance_is_named_with_both_values():
    assert differences({"a": 1.0}, {"a": 1.1}, {"*": 0.01}) == ["a: committed 1.0, new 1.1, tolerance 0.01"]


def test_the_first_pattern_that_fits_counts():
    assert differences({"recall": 0.20}, {"recall": 0.21}, {"rec*": 0.05, "*": 1e-6}) == []
    assert differences({"recall": 0.20}, {"recall": 0.21}, {"*": 1e-6, "rec*": 0.05}) != []


def test_a_metric_that_came_or_went_is_a_difference():
    lines = differences({"gone": 1}, {"came": 1}, {})
    assert lines == ["came: only in the new metrics", "gone: only in the committed metrics"]


def test_a_number_that_became_null_is_a_difference():
    assert differences({"a": 1.0}, {"a": None}, {"*": 1.0}) == ["a: committed 1.0, new None, tolerance 1"]
