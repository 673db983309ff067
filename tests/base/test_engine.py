import importlib.util
import subprocess
import sys

import ibis
import pandas as pd
import pytest
from pydantic import ValidationError

from membership.base import engine, paths
from membership.base.errors import ProjectError
from membership.settings.engine import Engine


def duckdb(**knobs) -> Engine:
    return Engine(duckdb=knobs)


def setting(con: ibis.BaseBackend, name: str):
    return con.con.execute(f"SELECT current_setting('{name}')").fetchone()[0]


def test_nothing_chosen_and_the_default_are_the_same_engine_in_memory():
    one, other = engine.connect(), engine.connect(Engine())
    for name in ("threads", "memory_limit", "temp_directory"):
        assert setting(one, name) == setting(other, name)
    assert one.con.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall() == [(None,)]


def test_the_knobs_of_duckdb_reach_it(workspace):
    paths.data().mkdir(exist_ok=True)
    con = engine.connect(duckdb(database="a.duckdb", memory_gib=1.5, threads=1, spill="data"))
    assert (setting(con, "threads"), setting(con, "memory_limit")) == (1, "1.5 GiB")
    assert setting(con, "temp_directory") == str(paths.data())
    assert paths.data("a.duckdb").is_file()


def test_what_is_kept_replaces_what_an_earlier_run_left_in_the_database(workspace):
    for value in (1, 2):
        con = engine.connect(duckdb(database="b.duckdb"))
        assert engine.keep(con, "numbers", pd.DataFrame({"n": [value]})).to_pandas()["n"].tolist() == [value]
        con.disconnect()


def test_a_kept_table_is_computed_once(workspace):
    kept = engine.keep(engine.connect(), "drawn", ibis.range(3).unnest().name("n").as_table().mutate(u=ibis.random()))
    pd.testing.assert_frame_equal(kept.to_pandas(), kept.to_pandas())


def test_two_runs_on_one_database_are_told_apart(workspace):
    code = (
        "from membership.base import engine; from membership.settings.engine import Engine\n"
        "con = engine.connect(Engine(duckdb={'database': 'c.duckdb'})); print('open', flush=True); input()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ProjectError, match=r"c\.duckdb is in use by another run"):
            engine.connect(duckdb(database="c.duckdb"))
    finally:
        other.communicate("\n")
    assert engine.connect(duckdb(database="c.duckdb")).name == "duckdb"


def test_a_file_that_is_no_database_is_named(workspace):
    paths.data().mkdir(exist_ok=True)
    paths.data("d.duckdb").write_text("nonsense" * 100)
    with pytest.raises(ProjectError, match=r"d\.duckdb: not a database of this DuckDB"):
        engine.connect(duckdb(database="d.duckdb"))


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (Engine(name="postgres://nobody@localhost:9/db"), "localhost:9 does not answer"),
        (Engine(name="atlantis://localhost/db"), "engine 'atlantis'"),
        (duckdb(spill="nowhere"), "there is no folder .*nowhere"),
    ],
)
def test_an_engine_that_is_not_there_is_told(workspace, chosen, told):
    with pytest.raises(ProjectError, match=told):
        engine.connect(chosen)


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="Spark is installed")
def test_spark_that_is_not_installed_is_told_before_its_cluster_is_asked():
    with pytest.raises(ProjectError, match=r"engine 'spark' is not installed .*pip install -e '\.\[spark\]'"):
        engine.connect(Engine(name="spark", spark={"url": "spark://localhost:9"}))


def test_a_cluster_of_spark_that_does_not_answer_is_told():
    pytest.importorskip("pyspark", reason="engine spark is not installed: README of src/membership/base")
    with pytest.raises(ProjectError, match="localhost:9 does not answer"):
        engine.connect(Engine(name="spark", spark={"url": "spark://localhost:9"}))


@pytest.mark.parametrize(
    "section",
    [
        {"name": "sparc"},
        {"name": "postgres://user:secret@host/db"},
        {"spark": {"url": "sc://user:secret@host"}},
        {"duckdb": {"database": "../x.duckdb"}},
        {"duckdb": {"database": "x.parquet"}},
        {"duckdb": {"memory_gib": 0}},
        {"duckdb": {"threads": 0}},
    ],
)
def test_what_no_engine_can_be_is_refused_before_anything_runs(section):
    with pytest.raises(ValidationError):
        Engine.model_validate(section)
