"""Trees as arrays say what scikit-learn's say."""

import numpy as np
import pytest
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


@pytest.mark.parametrize("leaves", [2, 12, 40, 90])
def test_many_rows_are_told_to_the_last_digit_what_each_is_told_alone(leaves):
    rng = np.random.default_rng(6)
    x = np.round(rng.normal(size=(3000, 5)), 1)
    x[:, :2][rng.random((3000, 2)) < 0.2] = np.nan
    y = rng.poisson(np.exp(np.nan_to_num(x[:, 0]) - np.isnan(x[:, 1])))
    trees = HistGradientBoostingRegressor(
        loss="poisson", max_iter=20, max_leaf_nodes=leaves, min_samples_leaf=5, early_stopping=False, random_state=1
    ).fit(x, y)
    forest = Forest.of(trees)
    many = forest.scores(x)
    np.testing.assert_array_equal(many, np.concatenate([forest.scores(x[at : at + 300]) for at in range(0, 3000, 300)]))
    np.testing.assert_allclose(np.exp(many), trees.predict(x), rtol=1e-12)
