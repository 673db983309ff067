"""The preparation of Online Retail, on a few lines and against the published sizes."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import complete_journey, online_retail, online_retail_dated, reality_check
from membership.base import engine
from membership.base.errors import DataError, ParamError
from membership.recommend import metrics, policies

PUBLISHED = {  # recall@10, NDCG@10
    "gp_topfreq": ({"ties": "first_bought"}, (0.1815, 0.1970)),
    "tifuknn": (
        {"neighbours": 300, "within_decay": 0.9, "group_decay": 0.9, "alpha": 0.3, "groups": 11},
        (0.2084, 0.2231),
    ),
    "upcf": ({"recency": 10, "alpha": 0.75, "locality": 10, "neighbours": 100, "shrink": 1000}, (0.2008, 0.2185)),
}


def sales(rows):
    return pd.DataFrame(rows, columns=["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])


def test_what_is_no_sale_of_a_product_to_a_member_is_left_out(tmp_path):
    good = [(f"{day}", "10001", 1, f"2011-01-{day:02d} 10:00:00", 1.0, m) for day in range(1, 7) for m in (1.0, 2.0)]
    bad = [
        ("C9", "10002", 1, "2011-01-01 10:00:00", 1.0, 1.0),
        ("9", "POST", 1, "2011-01-01 10:00:00", 1.0, 1.0),
        ("9", "10002", -1, "2011-01-01 10:00:00", 1.0, 1.0),
        ("9", "10002", 1, "2011-01-01 10:00:00", 0.0, 1.0),
        ("9", "10002", 1, "2011-01-01 10:00:00", 1.0, np.nan),
        ("9", "10003", 1, "2011-01-01 11:00:00", 1.0, 1.0),  # too rare
        ("9", "10001", 1, "2011-01-01 11:00:00", 1.0, 3.0),  # one basket is too few
    ]
    path = tmp_path / "raw.csv"
    sales(good + bad).to_csv(path, index=False)
    lines = online_retail.prepare(path)
    assert lines["member"].unique().tolist() == ["1", "2"] and lines["item"].unique().tolist() == ["10001"]
    assert lines["back"].tolist() == [5, 4, 3, 2, 1, 0] * 2


def test_folds_test_everybody_once_and_are_the_same_each_time():
    members = np.array([f"{number}" for number in range(103)])
    folds = online_retail.folds(members, seed=1)
    assert sorted(member for fold in folds for member in fold["test"]) == sorted(members)
    assert all(sorted(fold["train"] + fold["val"] + fold["test"]) == sorted(members) for fold in folds)
    assert folds == online_retail.folds(members, seed=1) != online_retail.folds(members, seed=2)


def test_another_file_is_named(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"other\.csv: cannot be read as Online Retail"):
        online_retail.prepare(tmp_path / "other.csv")


def test_cutoffs_with_dates_tell_history_from_what_is_bought_next(tmp_path):
    days = [f"2011-{month:02d}-{day:02d} 10:00:00" for month in range(7, 12) for day in (3, 17)]
    rows = [(f"{day}", f"1000{m % 2}", 1, day, 1.0, float(m)) for m in range(8) for day in days]
    sales(rows).to_csv(tmp_path / "raw.csv", index=False)
    events, items = online_retail_dated.read(engine.connect(), tmp_path / "raw.csv")
    latest = complete_journey.cutoff(events, *online_retail_dated.WINDOWS[0], online_retail_dated.SETUP)
    assert items["item_id"].tolist() == ["10000", "10001"]
    assert latest.exam.known.sizes.tolist() == [8] * 8 and latest.known.sizes.tolist() == [6] * 8
    assert latest.exam.known.age.min() == 15 and latest.exam.targets.matrix.sum() == 8
    found = complete_journey.run([latest], events, items, ["tifuknn_days", "upcf_days"], trials=1)
    assert found.outcomes["recall@10"].tolist() == [1.0] * 16
    assert {"group_days", "log_days"} < set(found.chosen["tifuknn_days", latest.exam.name])
    assert "day_decay" in found.chosen["upcf_days", latest.exam.name]


def test_what_has_no_stored_settings_asks_for_a_search():
    with pytest.raises(ParamError, match="upcf_days have no stored settings; add --tune N"):
        complete_journey.run([], None, None, ["upcf_days"], trials=0)


@pytest.mark.slow
def test_sizes_and_peers_are_as_published(shared_data, tmp_path):
    raw = shared_data / "online_retail" / "online_retail_2010_2011_raw.csv.gz"
    online_retail.write(online_retail.prepare(raw), tmp_path, seed=1)
    data = reality_check.read(tmp_path / "history.json", tmp_path / "future.json")
    assert data.baskets.shape == (1_896, 2_933) and len(data.futures.members) == 1_896
    assert len(json.loads((tmp_path / "keysets" / "keyset_4.json").read_text())["test"]) == 379
    for name, (settings, figures) in PUBLISHED.items():
        ids, _ = policies.peer(name, settings, data.baskets).recommend(data.futures.members, 10)
        judged = metrics.per_member(ids, data.futures, data.baskets, 10)
        assert judged[["recall_at_10", "ndcg_at_10"]].mean().tolist() == pytest.approx(figures, abs=0.005), name
