"""Complete Journey in the reference's set-up: sizes, cut-offs, published figures, and what a search sees."""

import pytest

from benchmarks import complete_journey, contest, peer_search
from membership.base import engine

PUBLISHED = {  # recall@10, NDCG@10, PHR@10, recall@20
    "g_topfreq": (0.0931, 0.0841, 0.4227, 0.1141),
    "gp_topfreq_published": (0.1890, 0.1915, 0.6261, 0.2437),
    "upcf_reference": (0.1985, 0.1989, 0.6436, 0.2542),
    "tifuknn_reference": (0.2074, 0.2070, 0.6525, 0.2644),
}


@pytest.fixture(scope="module")
def journey():
    events, items = complete_journey.read(engine.connect())
    return events, items, complete_journey.cutoff(events, *complete_journey.WINDOWS[0])


def test_the_set_up_has_the_published_size_and_a_search_sees_nothing_of_the_test(journey):
    *_, december = journey
    assert (len(december.exam.known.items), len(december.exam.targets.members)) == (13_843, 2_006)
    assert december.exam.name == "2017-12-01.json" and str(december.exam.known.cutoff) == "2017-12-01"
    assert str(december.known.cutoff) == "2017-11-01" and str(december.p.windows.validation.end) == "2017-12-01"


def test_months_that_chose_the_models_signals_test_nothing():
    tests = [window[1:] for window in complete_journey.WINDOWS]
    assert len(set(tests)) == 4
    assert not any(start < "2017-12-01" and end > "2017-09-01" for start, end in tests)


def test_a_search_is_judged_by_the_month_before(journey, monkeypatch):
    events, items, december = journey
    asked = []
    monkeypatch.setattr(peer_search, "recall", lambda *given: asked.append(given[3]) or 0.5)
    judged = complete_journey.run([december], events, items, ["p_topfreq"], trials=2)
    assert all(targets is december.val for targets in asked) and len(asked) == 2
    assert set(judged.chosen) == {("p_topfreq", "2017-12-01.json")}


@pytest.mark.slow
def test_peers_have_their_published_figures(journey):
    events, items, december = journey
    found = contest.table(complete_journey.run([december], events, items, list(PUBLISHED), trials=0).outcomes)
    for name, figures in PUBLISHED.items():
        metrics = ["recall@10", "ndcg@10", "phr@10", "recall@20"]
        assert found.loc[name, metrics].tolist() == pytest.approx(figures, abs=0.002), name
