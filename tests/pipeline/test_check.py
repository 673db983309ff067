"""`make check`: what counts as the same result, and what as a difference."""

import json
import subprocess

from membership.pipeline import check


def beyond(old: dict, new: dict, tolerances: dict) -> list[tuple[str, bool]]:
    return [(found.metric, found.beyond) for found in check.differences(old, new, tolerances)]


def test_equal_metrics_do_not_differ():
    same = {"a": 1.0, "b": None, "c": "x"}
    assert check.differences(same, dict(same), {}) == []


def test_a_last_digit_is_a_difference_within_tolerance():
    assert beyond({"a": 1.0}, {"a": 1.0 + 2**-52}, {"*": 1e-9}) == [("a", False)]


def test_without_a_tolerance_every_digit_counts():
    assert beyond({"a": 1.0}, {"a": 1.0 + 2**-52}, {}) == [("a", True)]


def test_the_first_pattern_that_fits_counts():
    assert beyond({"recall": 0.20}, {"recall": 0.21}, {"rec*": 0.05, "*": 1e-6}) == [("recall", False)]
    assert beyond({"recall": 0.20}, {"recall": 0.21}, {"*": 1e-6, "rec*": 0.05}) == [("recall", True)]


def test_what_came_went_or_became_null_is_beyond_any_tolerance():
    found = beyond({"gone": 1, "null": 1.0, "word": "a"}, {"came": 1, "null": None, "word": "b"}, {"*": 9.0})
    assert found == [("came", True), ("gone", True), ("null", True), ("word", True)]


def test_the_committed_metrics_are_compared_with_those_of_the_checkout(workspace, capsys):
    metrics = workspace / "reports" / "metrics"
    metrics.mkdir(parents=True)
    (metrics / "value.json").write_text(json.dumps({"a": 1.0, "b": 2}))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "reports"], ["commit", "-qm", "metrics"]):
        subprocess.run([*git, *words], cwd=workspace, check=True)
    assert check.main() == 0
    (metrics / "value.json").write_text(json.dumps({"a": 1.5, "b": 2}))
    assert check.main() == 1
    assert "1.5" in capsys.readouterr().out


def test_a_verdict_must_be_the_same_everywhere_and_a_model_nearly_so():
    old = {"decide/promote": 1, "ingest/orders": 9, "train/recall_at_10": 0.2, "evaluate/p_value": 0.1}
    new = {"decide/promote": 0, "ingest/orders": 10, "train/recall_at_10": 0.201, "evaluate/p_value": 0.4}
    found = beyond(old, new, check.TOLERANCES)
    assert found == [
        ("decide/promote", True), ("evaluate/p_value", False), ("ingest/orders", True), ("train/recall_at_10", False),
    ]  # fmt: skip
