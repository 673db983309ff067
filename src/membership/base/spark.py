"""Spark, by PySpark: a session, tables made of frames, work that its workers do."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd
import pyarrow

from membership.base import kernels

NAME = "pyspark"  # what Ibis calls it
_SESSION = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",  # it would fill the executed notebook
    "spark.sql.execution.arrow.pyspark.enabled": "true",  # row by row, a frame takes minutes
    "spark.sql.session.timeZone": "UTC",
}


def connect(chosen: Any) -> ibis.BaseBackend:
    """Return a connection to the Spark that `chosen` (`settings.engine.Spark`) names, with views of its own.

    Raises whatever PySpark raises; `engine.connect` puts it into words.
    """
    from pyspark.sql import SparkSession

    url = chosen.url or "local[*]"
    here, remote = url.startswith("local"), url.startswith("sc://")
    builder = SparkSession.builder.appName("membership")
    builder = builder.remote(url) if remote else builder.master(url)
    if here or urlsplit(url).hostname in ("127.0.0.1", "localhost"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else its workers take the first `python3` there is
    for name, value in ({} if remote else _knobs(chosen)).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    if not remote:
        session.sparkContext.setLogLevel("ERROR")
        session = session.newSession()
    partitions = chosen.partitions or (2 * (os.cpu_count() or 1) if here else None)
    if partitions:
        session.conf.set("spark.sql.shuffle.partitions", str(partitions))
    return ibis.pyspark.connect(session)


def table(con: ibis.BaseBackend, name: str, frame: pd.DataFrame) -> ir.Table:
    """Return `frame` as a table of Spark, by Arrow: Ibis would go row by row where pandas keeps texts in chunks."""
    kinds = ibis.memtable(frame).schema()
    schema = ibis.schema({key: dt.Timestamp(scale=6) if kind.is_timestamp() else kind for key, kind in kinds.items()})
    arrow = pyarrow.Table.from_pandas(frame, schema.to_pyarrow(), preserve_index=False)
    _session(con).createDataFrame(arrow).createOrReplaceTempView(f"{name}_given")
    return con.table(f"{name}_given").cast(schema)  # Spark takes times to be instants of its session's zone, UTC


def spread(
    con: ibis.BaseBackend, blocks: Iterable[pd.DataFrame], work: Callable[[pd.DataFrame], pd.DataFrame]
) -> list[pd.DataFrame]:
    """Return what `work` makes of each of `blocks`, in their order, each done by a worker of Spark.

    A block travels as one value, as Parquet, so that its types, and the rows that are worked on together, are those of
    this process. Workers need the packages of this environment; what `work` holds is sent to them.
    """

    def done(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            found = [_packed(work(pd.read_parquet(io.BytesIO(rows)))) for rows in part["rows"]]
            yield part.assign(rows=found)

    sent = pd.DataFrame({"rows": [_packed(block) for block in blocks]}).rename_axis("block").reset_index()
    there = _session(con).createDataFrame(sent, "block long, rows binary").repartitionByRange(len(sent), "block")
    found = there.mapInPandas(done, there.schema).toPandas().sort_values("block")
    return [pd.read_parquet(io.BytesIO(rows)) for rows in found["rows"]]


def _packed(frame: pd.DataFrame) -> bytes:
    return frame.to_parquet(compression=None)


def _session(con: ibis.BaseBackend) -> Any:
    return con.raw_sql("SELECT 1").sparkSession


def _knobs(chosen: Any) -> dict[str, str]:
    same = {f"spark.executorEnv.{name}": value for name, value in kernels.environment().items()}
    return _SESSION | same | {"spark.driver.memory": f"{chosen.memory_gib * 1024:.0f}m"}
