"""The engine on which tables are computed. The tables are the same on each; what differs is how much it can hold."""

import re
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from membership.settings.section import Section, without_password

DUCKDB, SPARK = "duckdb", "spark"
Gib = Annotated[float, Field(ge=0.25, le=65_536)]  # GiB of memory
Threads = Annotated[int, Field(ge=1, le=4096)]


def _in_data(name: str | None) -> str | None:
    if name is not None and (name != PurePath(name).name or not name.endswith(".duckdb")):
        raise ValueError("allowed: a file name that ends in .duckdb, which is kept in data/, or null: in memory")
    return name


class Duckdb(Section):
    """The embedded engine: in this process, on one machine, out of core."""

    database: Annotated[str | None, AfterValidator(_in_data)] = None  # a file in data/, for one run at a time
    memory_gib: Gib | None = None  # beyond it, what is at work is spilled to disk; null: 80 % of the machine's
    threads: Threads | None = None  # null: one a core
    spill: str | None = None  # folder that exists; null: beside the database, or .tmp in the working directory


class Spark(Section):
    """Apache Spark, by PySpark: a session on this machine, or a cluster by its address."""

    # null: this machine; local[4] | spark://host:7077 | yarn | k8s://...: a master; sc://host:15002: Spark Connect
    url: Annotated[str | None, AfterValidator(without_password)] = None
    memory_gib: Gib = 4.0  # of the process that drives it, which on this machine is all of it
    partitions: Threads | None = None  # into which rows are shuffled; null: two a core here, Spark's own elsewhere


class Engine(Section):
    """The engine on which tables are computed."""

    name: str = DUCKDB  # duckdb | spark | the address of another that Ibis knows, e.g. postgres://user@host/database
    duckdb: Duckdb = Duckdb()
    spark: Spark = Spark()

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (DUCKDB, SPARK) and not re.fullmatch(r"[a-z][a-z0-9+]*://\S+", name):
            raise ValueError("allowed: duckdb, spark, or an address such as postgres://user@host/database")
        return without_password(name)
