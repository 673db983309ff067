"""Fixtures of the pipeline's tests."""

import shutil
from pathlib import Path

import pytest
import small_batch
from mlflow.tracking import MlflowClient

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty MLflow database: making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def batch(tmp_path_factory):
    """The root of a small batch run, to be read, not changed."""
    root = tmp_path_factory.mktemp("batch")
    for name in ("params.yaml", "dvc.yaml", "champion.json"):
        shutil.copy(REPOSITORY / name, root / name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMBERSHIP_ROOT", str(root))
        small_batch.run(root)
    return root
