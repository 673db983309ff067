"""Fixtures of the tests of the next order: members who buy at a steady chance a day of their own."""

import pytest
import steady_buyers


@pytest.fixture(scope="session")
def steady():
    return steady_buyers.market(members=600, days=240, seed=5)
