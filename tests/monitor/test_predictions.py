"""Table `predictions`: versions, what is kept from period to period, and what is refused."""

from datetime import date

import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import DataError
from membership.monitor import predictions
from membership.pipeline import live

NOV, DEC = date(2017, 11, 1), date(2017, 12, 1)
MODEL = {"policy": "model", "settings": {"hidden": 64}}

pytestmark = pytest.mark.usefixtures("workspace")


def made(as_of: date = NOV, champion: dict = MODEL, value: dict | None = None, members: str = "ab") -> pd.DataFrame:
    people = pd.DataFrame({"member_id": list(members), "tier": "Gold", "stage": "loyal"}).assign(
        p_repurchase=0.5, expected_orders=3.0, expected_spend=900.0, value=225.0, next_order_days=4.0
    )
    lists = pd.DataFrame({"member_id": ["a", "a"], "rank": [2, 1], "item_id": ["x", "y"], "score": [0.2, 0.3]})
    version = predictions.version(champion, value or {"chosen": "bgnbd"})
    days = {"repurchase_days": 14, "horizon_days": 90}
    return predictions.assemble(people, lists, champion, version, as_of, days)


def test_a_version_changes_with_what_predicts_and_with_nothing_else():
    again = {"settings": {"hidden": 64}, "policy": "model", "reason": "other words", "previous": None}
    assert predictions.version(MODEL, {"a": 1}) == predictions.version(again, {"a": 1})
    others = [
        predictions.version(MODEL, {"a": 2}),
        predictions.version({**MODEL, "settings": {"hidden": 32}}, {"a": 1}),
    ]
    assert len({predictions.version(MODEL, {"a": 1}), *others}) == 3


def test_expected_hits_are_the_sum_of_probabilities_where_there_are_any():
    frame = made().set_index("member_id")
    assert frame.loc["a", "expected_hits"] == pytest.approx(0.5)
    assert frame.loc["a", "items"] == '["y", "x"]' and frame.loc["b", "items"] == "[]"
    counts = made(champion={"policy": "gp_topfreq", "settings": {}})
    assert counts["expected_hits"].isna().all()


def test_a_list_for_a_stranger_is_refused():
    with pytest.raises(DataError, match=r"1 members have a list but no value, e\.g\. 'a'"):
        made(members="b")


def test_only_the_latest_day_before_scoring_is_held_against_what_happened(tmp_path):
    path = tmp_path / "predictions.parquet"
    predictions.write(path, predictions.kept(made(), made(DEC)))
    assert set(predictions.earlier(date(2018, 1, 1), path)["as_of"].dt.date) == {DEC}
    assert set(predictions.earlier(DEC, path)["as_of"].dt.date) == {NOV}
    assert set(predictions.earlier(date(2017, 12, 14), path)["as_of"].dt.date) == {NOV}  # 13 days are too few
    assert predictions.earlier(NOV, path).empty
    assert predictions.earlier(NOV, tmp_path / "none").empty


def test_what_is_kept_of_a_day_is_replaced_by_what_is_kept_later():
    log = predictions.kept(made(), made(champion={"policy": "gp_topfreq", "settings": {}}, members="abc"))
    assert len(log) == 3 and set(log["policy"]) == {"gp_topfreq"}


def test_two_versions_of_one_day_are_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    predictions.write(path, pd.concat([made(), made(value={"chosen": "mean"})]))
    with pytest.raises(DataError, match="predictions of 2017-11-01 are of 2 versions, model-"):
        predictions.earlier(DEC, path)


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "predictions.parquet"
    path.write_text("no parquet")
    with pytest.raises(DataError, match=r"predictions\.parquet: not a readable Parquet file"):
        predictions.read(path)


def test_make_live_keeps_this_period_beside_the_earlier_ones(workspace, capsys):
    tables.write("predictions", made())
    assert live.main() == 0
    tables.write("predictions", made(DEC))
    assert live.main() == 0
    assert len(predictions.read(predictions.stored())) == 4
    assert "as of 2017-12-01 is kept" in capsys.readouterr().out


def test_predictions_of_an_earlier_version_are_read_without_what_they_did_not_keep(tmp_path):
    path = tmp_path / "predictions.parquet"
    made().drop(columns="next_order_days").assign(p_alive=0.8).to_parquet(path)
    assert predictions.read(path)["next_order_days"].isna().all()
    log = predictions.kept(predictions.read(path), made(DEC))
    assert log.groupby("as_of")["next_order_days"].count().tolist() == [0, 2] and "p_alive" not in log


def test_make_live_without_predictions_says_what_to_do(workspace, capsys):
    assert live.main() == 1
    assert "run `dvc repro`" in capsys.readouterr().err
