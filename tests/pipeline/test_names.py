"""Any text becomes a name and a value that MLflow takes, and two names stay two."""

import doctest

import pytest
from hostile import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param, _validate_tag

from membership.pipeline import names

ODD = ["", "/", "//", "a//b", "/a", "a/", "./a", "a/..", "..", ".", "\ud800", "\0", "a/./b", "a:b", "a\n", "x" * 300]


def accepted(text: str) -> bool:
    name, value = names.name(text), names.value(text)
    _validate_metric_name(name)
    _validate_param(name, value)
    _validate_tag(name, value)
    value.encode()
    names.title(text).encode()
    return True


def test_the_examples_hold():
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize("text", [*TEXTS, *ODD])
def test_what_people_write_is_accepted(text):
    assert accepted(text)
    assert accepted(f"needs.survey.{text}.kind")


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=300))
def test_any_text_is_accepted(text):
    assert accepted(text)


def test_what_mlflow_takes_stays_and_all_others_stay_apart():
    for text in ("recall_at_10", "dep/data/events.parquet", "caf\u00e9 - 1.5"):
        assert names.name(text) == text
    texts = {*TEXTS, *ODD, "VIP?", "VIP!", "VIP_", "x" * 299 + "y", "x" * 301}
    assert len({names.name(text) for text in texts}) == len(texts)


def test_a_long_value_is_cut():
    assert len(names.value("x" * 10_000)) == names.VALUE
    assert names.title("a\nb") == "a b"
