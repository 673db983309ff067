"""Fixtures of the room: the small market, its items and parameters that suit it."""

from types import SimpleNamespace

import ibis
import pandas as pd
import pytest
from small_market import SMALL, market, table

from membership.settings import params
from membership.settings.params import Stage
from membership.settings.recommend import Rules


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """The events of the small market."""
    return market()


@pytest.fixture(scope="session")
def events(frame) -> ibis.Table:
    """The same, as the library takes them."""
    return table(frame)


@pytest.fixture(scope="session")
def items(frame) -> pd.DataFrame:
    """Its items, in groups of eight, the last without a group."""
    ids = sorted(frame["item_id"].unique())
    group = [f"group {number // 8}" for number in range(len(ids))]
    table = pd.DataFrame({"item_id": ids, "name": [item[:2] for item in ids], "category": group, "subcategory": group})
    table.loc[len(ids) - 1, ["category", "subcategory"]] = None
    return table


@pytest.fixture(scope="session")
def p() -> Stage:
    """Parameters that suit it."""
    return params.parse(params.read(), SMALL)


@pytest.fixture
def knobs() -> SimpleNamespace:
    """Knobs of `baskets.history` that keep everything."""
    return SimpleNamespace(min_item_purchases=1, min_baskets=1, max_baskets=50, rules=Rules(), cold=False)
