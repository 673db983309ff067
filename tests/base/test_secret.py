"""Passwords in addresses are found, and no message of the project shows one."""

import doctest

import pytest

from membership.base import secret
from membership.base.errors import DataError, ParamError
from membership.settings import params


def test_the_examples_hold():
    assert doctest.testmod(secret).failed == 0


@pytest.mark.parametrize("name", ["tune.storage", "trials.log"])
@pytest.mark.parametrize("url", ["postgresql://me:hush@host/db", "mysql://me:hu/sh@h/d", "https://h/?token=hush"])
def test_an_address_with_a_password_is_refused_and_not_shown(name, url):
    with pytest.raises(ParamError, match="holds a password") as refused:
        params.parse(params.read(), {name: url})
    assert "hush" not in str(refused.value) and "hu/sh" not in str(refused.value)


def test_what_others_say_of_an_address_is_shown_without_its_password():
    assert "hush" not in str(DataError("postgresql://me:hush@host/db: does not answer"))
