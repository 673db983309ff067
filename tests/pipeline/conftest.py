"""Fixtures of the pipeline's tests."""

import pytest
from mlflow.tracking import MlflowClient


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty MLflow database: making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path
