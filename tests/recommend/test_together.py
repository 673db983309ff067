"""Several processes that train one network."""

from datetime import date

import numpy as np
import pytest

from membership.base.errors import DataError
from membership.recommend import together, train
from membership.recommend.model import Settings

SETTINGS = Settings(learning_rate=0.01, weight_decay=0.01, dropout=0.0, hidden=16)


@pytest.fixture(scope="module")
def data(events, items, p):
    return train.samples(events, items, date(2024, 6, 1), p.recommend, p.train, p.seed)


def test_two_processes_take_the_steps_of_one_and_the_same_ones_again(data, p):
    two = p.train.model_copy(update={"processes": 2})
    alone, both, again = (train.network(data, SETTINGS, knobs, 1, "cpu") for knobs in (p.train, two, two))
    np.testing.assert_allclose(both.model.logits(data.inputs), alone.model.logits(data.inputs), atol=1e-4)
    np.testing.assert_allclose(both.losses, alone.losses, rtol=1e-5)
    assert np.array_equal(both.model.logits(data.inputs), again.model.logits(data.inputs))


def test_a_process_that_ends_is_one_message(tmp_path):
    with pytest.raises(DataError, match=r"train\.processes = 1: .*plan\.json.* or set train\.processes to 1"):
        together._run(tmp_path, 1)
