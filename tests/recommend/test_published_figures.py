"""The figures of the reference on Complete Journey, in its own set-up."""

import pytest

from benchmarks import complete_journey
from membership.base import engine, params
from membership.recommend import baskets


@pytest.fixture(scope="module")
def setup():
    p = params.parse(params.read(), complete_journey.SETUP)
    return *complete_journey.read(engine.connect()), p


@pytest.mark.slow
@pytest.mark.parametrize("name", complete_journey.PUBLISHED)
def test_a_baseline_gives_its_published_figures(setup, name):
    events, items, p = setup
    policy, settings = complete_journey.CONTENDERS[name]
    found = complete_journey.judge(policy, settings, events, items, p.windows.holdout, p)
    assert len(found) == 2006
    published = complete_journey.PUBLISHED[name]
    assert found[list(complete_journey.PRIMARY)].mean().tolist() == pytest.approx(published, abs=0.002)


def test_the_set_up_has_the_published_size(setup):
    events, _, p = setup
    assert len(baskets.history(events, p.windows.as_of, p.recommend).items) == 13_843
