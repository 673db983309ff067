"""Trees as arrays say what scikit-learn's say."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from membership.stats.forest import Forest


def test_the_arrays_predict_what_the_trees_predict_missing_values_included():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(600, 4))
    x[rng.random(x.shape) < 0.2] = np.nan
    y = rng.poisson(np.exp(np.nan_to_num(x[:, 0]) - np.isnan(x[:, 1])))
    trees = HistGradientBoostingRegressor(loss="poisson", max_iter=30, early_stopping=False, random_state=1).fit(x, y)
    forest, new = Forest.of(trees), np.vstack([rng.normal(size=(200, 4)), np.full((1, 4), np.nan)])
    np.testing.assert_allclose(forest.predict(new), trees.predict(new), rtol=1e-12)
    np.testing.assert_array_equal(forest.predict(new[:1]), forest.predict(new)[:1])
    assert forest.predict(new[:0]).shape == (0,)
