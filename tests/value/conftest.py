"""Fixtures of the tests of value."""

import pytest
import small_panel
from buyers import cdnow, market  # noqa: F401

from membership.settings import params

MEMBERS = 150
QUICK = {
    "value.origins": 2, "value.learning_origins": 1, "value.network.epochs": 5, "value.boosting.iterations": 5,
    "value.bootstrap": 20,
}  # fmt: skip


@pytest.fixture(scope="session")
def p():
    return params.parse(params.read(), QUICK)


@pytest.fixture(scope="session")
def known():
    return small_panel.build(small_panel.purchases(MEMBERS), MEMBERS)


@pytest.fixture(scope="session")
def result(known, p):
    """What was fitted, what was chosen, and the table `value`."""
    return small_panel.scored(known, p)
