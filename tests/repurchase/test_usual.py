import numpy as np
import pandas as pd
import pytest

from membership.repurchase import usual
from membership.repurchase.purchase_days import PurchaseDays


def test_the_usual_chance_is_the_share_of_days_from_which_an_order_came_soon():
    days = np.array([10, 12, 42, 15])  # a: gaps of 2 and 30 days; b: one purchase; c: none
    history = PurchaseDays(pd.Index(list("abc")), np.zeros(3, int), np.array([0, 3, 4, 4]), days, days)
    assert usual.pooled(history, 100, 14) == pytest.approx(16 / 32)
    assert usual.share(history, 100, 14).tolist() == pytest.approx([(16 + 10) / (32 + 20), 0.5, 0.5])
    assert usual.share(history, 100, 14, mean=0.8).tolist() == pytest.approx([(16 + 16) / (32 + 20), 0.8, 0.8])
    assert usual.pooled(history, 42, 14) == 1  # on day 42 the long gap has not ended
    assert usual.pooled(history, 5, 14) == 1  # nobody has come back yet
