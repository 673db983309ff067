from pathlib import Path

import pandas as pd
import pytest

from benchmarks import many_events, scale
from membership.base import engine
from membership.data import features


def rows(stage: str, *measured: tuple[int, float, float]) -> list[dict]:
    return [{"stage": stage, "members": n, "cpu_s": cpu, "peak_mb": peak} for n, cpu, peak in measured]


def test_growth_is_that_between_the_two_largest_sizes_and_is_carried_on_to_the_judged_one():
    measured = rows("ingest", (100, 1.0, 900), (10_000, 10.0, 1_000), (100_000, 100.0, 2_000))
    measured += rows("value", (10_000, 10.0, 100), (100_000, 1_000.0, 100)) + rows("tune", (10_000, 1.0, 1))
    found = scale.growth(pd.DataFrame(measured))
    assert found.index.tolist() == ["ingest", "value"]
    assert found["cpu_s_exponent"].tolist() == [1, 2]
    assert found["cpu_s_judged"].tolist() == [1_000, 100_000]
    assert found["peak_mb_judged"].tolist() == [12_000, 100]  # 1,000 more for 90,000 members more
    assert found["extrapolated"].all()


def test_members_beyond_those_who_teach_add_what_is_scored_alone():
    """900,000 more members, ten times what 90,000 add where 10,000 teach."""
    most = rows("repurchase", (10_000, 22.4, 1_430), (100_000, 31.5, 2_141)) + rows("value", (100_000, 89.9, 3_594))
    few = rows("repurchase", (10_000, 22.4, 1_430), (100_000, 28.3, 1_947))
    few += rows("value", (10_000, 17.4, 1_025), (100_000, 26.6, 1_385))
    found = scale.alone(pd.DataFrame(most), pd.DataFrame(few))
    assert found.to_dict("index") == {
        "repurchase": {"cpu_s_judged": 91, "peak_mb_judged": 7_311},
        "value": {"cpu_s_judged": 182, "peak_mb_judged": 7_194},
    }


def test_the_stage_that_takes_most_memory_breaks_first():
    grown = [
        {"stage": "ingest", "peak_mb_judged": 7_000, "cpu_s_exponent": 1.0},
        {"stage": "value", "peak_mb_judged": 300, "cpu_s_exponent": 2.0},
    ]
    assert scale.breaks_first(grown) == {"stage": "ingest", "peak_mb": 7_000, "within": False}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(many_events, "PART", 40)
    assert many_events.draw(tmp_path, 5_000, 1) == 100
    return tmp_path


def test_a_part_that_is_drawn_again_is_the_same(drawn):
    part = drawn / "events" / "part-00001.parquet"
    before = part.read_bytes()
    part.unlink()
    many_events.draw(drawn, 5_000, 1)
    assert part.read_bytes() == before
    assert sorted(path.name for path in part.parent.iterdir())[-1] == "part-00002.parquet"


def test_features_of_a_folder_of_parts_are_those_of_all_its_rows(drawn, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(Path(__file__).parents[2]))  # whose parameters are read
    found = many_events.compute("features", drawn, 0.5)
    events = pd.concat(map(pd.read_parquet, sorted((drawn / "events").iterdir())))
    assert (found["events"], found["rows"]) == (len(events), 100)
    assert events["event_id"].is_unique
    con = engine.connect()
    made = features.at(
        engine.keep(con, "events", events),
        engine.keep(con, "members", pd.read_parquet(drawn / "members.parquet")),
        many_events.END,
    )
    stored = pd.read_parquet(drawn / "features.parquet").sort_values("member_id", ignore_index=True)
    pd.testing.assert_frame_equal(made.order_by("member_id").to_pandas(), stored, check_dtype=False)
