"""What is read off thinned sets: differences to the best peer, and to others that are named."""

import numpy as np
import pytest

from benchmarks import thinned
from membership.recommend.names import MODEL

RECALL = {"worse": [0.0, 0.5, 0.0, 0.5], "better": [0.5, 0.5, 0.0, 1.0], MODEL: [0.5, 1.0, 0.5, 1.0]}
RECALL[thinned.SHIPPED] = RECALL[MODEL]
FOUND = {"a-set": {"judged": 4, "chosen": MODEL, "outcomes": {}}}
for method, recall in RECALL.items():
    FOUND["a-set"]["outcomes"][method] = {"recall@10": recall, "ndcg@10": recall}


def test_the_best_peer_comes_first_and_named_ones_once():
    table = thinned.table(FOUND, ["better", "worse", "absent"]).xs("recall@10", level="metric")
    assert table["peer"].tolist() == ["better", "worse"]
    assert table["of_peer"].tolist() == [0.5, 0.25]
    assert table[MODEL].tolist() == pytest.approx([0.25 / 0.5, 0.5 / 0.25])
    assert thinned.table(FOUND)["peer"].tolist() == ["better", "better"]


def test_pooled_members_count_alike_each_against_the_best_peer_of_its_set():
    easier = {"judged": 2, "chosen": MODEL, "outcomes": {name: {} for name in RECALL}}
    for name in RECALL:
        easier["outcomes"][name] = dict.fromkeys(thinned.METRICS, [0.5 if name == "better" else 1.0] * 2)
    both = thinned.pooled(FOUND | {"another": easier})
    assert both["judged"].tolist() == [6, 6]
    assert both[MODEL].tolist() == pytest.approx([np.mean([0.5] * 4 + [0.0] * 2)] * 2, abs=1e-4)
