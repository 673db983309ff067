import numpy as np
import pandas as pd

from membership.recommend import chances


def test_the_chance_of_an_item_is_that_of_an_order_times_that_of_the_item_in_it():
    listed = pd.DataFrame(
        {"policy": ["x", "x", "y", "x"], "member_id": ["a", "b", "a", "new"], "score": [0.5, 0.2, 3.0, 0.5]}
    )
    found = chances.within(listed, pd.Series({"a": 0.8, "b": 0.5}), {"x": "model", "y": "gp_topfreq"})
    np.testing.assert_allclose(found["chance"], [0.4, 0.1, np.nan, np.nan])
