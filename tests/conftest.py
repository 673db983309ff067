"""Fixtures that all tests share."""

import gc
import os
import shutil
from pathlib import Path

import ibis
import pytest

from membership.settings.engine import Engine

REPOSITORY = Path(__file__).resolve().parents[1]
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty project root with this project's parameters: tables and reports go there, not into the repository."""
    for name in ("params.yaml", "dvc.yaml", "champion.json"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def shared_data():
    """The folder of public test data; skips, saying what is missing, where there is none."""
    folder = Path(os.environ.get("MEMBERSHIP_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.exists():
        pytest.skip(f"no shared data at {folder}; set MEMBERSHIP_DATA to a folder that has them")
    return folder


@pytest.fixture
def spark():
    """Settings of a Spark here; its session compiles little: on few rows that is what takes the time."""
    sql = pytest.importorskip("pyspark.sql", reason="engine spark is not installed: README of src/membership/base")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    for name in ("spark.sql.codegen.wholeStage", "spark.ui.showConsoleProgress"):
        builder = builder.config(name, "false")
    builder.config("spark.sql.codegen.factoryMode", "NO_CODEGEN").getOrCreate()
    return Engine(name="spark", spark={"url": "local[2]", "memory_gib": 1, "partitions": 2})


def pytest_collection_modifyitems(items):
    """Begin with what runs the pipeline, which takes longest, so that two processes end at about the same time."""
    items.sort(key=lambda item: "pipeline" not in item.path.parts)


def pytest_unconfigure():
    """Let DuckDB's connections go before Python does, or its binding lists them all under the result."""
    ibis.options.default_backend = None
    gc.collect()
