"""Templates say what they are given, and refuse what they are not."""

import doctest

import jinja2
import pytest

from membership.report import formats, words


def test_numbers_read_as_the_examples_say():
    assert doctest.testmod(formats).failed == 0


@pytest.mark.parametrize("how", [formats.number, formats.money, formats.share, formats.day, formats.p_value])
@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_is_not_known_reads_as_a_dash(how, nothing):
    assert how(nothing) == "-"


def test_a_template_that_names_what_it_is_not_given_is_an_error():
    template = words.environment("md", "en").from_string("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        template.render()
