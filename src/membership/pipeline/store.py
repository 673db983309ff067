"""MLflow's store, looked at without MLflow, so within milliseconds: can it take a run, and where is it now?

A store in the checkout is `mlflow.db` with `mlruns/` beside it. MLflow writes absolute places of artifacts into the
database; `settle` follows a checkout that was moved or copied, so that its old runs and models open where they are.
"""

import contextlib
import os
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from membership.base import paths
from membership.base.errors import ProjectError

EXPERIMENT = "membership"
ROOM = 20 * 2**20  # bytes that must be free, for a run and its page
PATIENCE = 10  # seconds for which another may write
_PLACES = (  # table, column
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


class Unreachable(ProjectError):
    """MLflow does not answer."""


def uri() -> str:
    """Return where runs go: `MLFLOW_TRACKING_URI`, else the database in the checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{paths.checkout()}/mlflow.db"


def database() -> Path | None:
    """Return the file of an SQLite store; None where the store is of another kind."""
    return Path(uri().removeprefix("sqlite:///")) if uri().startswith("sqlite:///") else None


def artifacts() -> str | None:
    """Return where an SQLite store keeps artifacts, `mlruns` beside it, as a URI; None for other stores."""
    return (database().parent / "mlruns").resolve().as_uri() if database() else None


def check() -> None:
    """Raise Unreachable, saying what to do, where a run could not be logged; a store that is not there yet is fine."""
    file = database()
    if file is None:
        _answers(uri())
    elif file.exists():
        free = shutil.disk_usage(file.parent).free
        if free < ROOM:
            raise Unreachable(f"{file}: only {free / 2**20:.0f} MiB are free there; free some space, then run again.")
        with _opened(file) as store:
            if store.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its pages are damaged")
            store.execute("BEGIN IMMEDIATE")
            store.execute("ROLLBACK")
            for number, stage in _experiment(store, "lifecycle_stage"):
                if stage == "deleted":
                    raise Unreachable(
                        f"{file}: the experiment '{EXPERIMENT}' was deleted; bring it back with "
                        f"`mlflow experiments restore --experiment-id {number}`, then run again."
                    )


def settle() -> None:
    """Let the runs and models of a store that was moved or copied with its `mlruns/` be found where it is now."""
    file, here = database(), artifacts()
    if file is None or not file.exists():
        return
    with _opened(file) as store:
        for _, before in _experiment(store, "artifact_location"):
            if before != here and before.startswith("file:") and before.endswith("/mlruns"):
                store.execute("BEGIN IMMEDIATE")
                for table, column in _PLACES:
                    if column in {row[1] for row in store.execute(f"PRAGMA table_info({table})")}:
                        store.execute(
                            f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                            f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                            (here, len(before) + 1, before, len(before) + 1, f"{before}/"),
                        )
                store.execute("COMMIT")


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield the database; what it raises is said in words."""
    store = None
    try:
        store = sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", PATIENCE, isolation_level=None, uri=True)
        yield store
    except sqlite3.OperationalError as error:
        raise Unreachable(
            f"{file}: MLflow's database cannot be written ({error}); wait for or end the process that holds it, or "
            "check its permissions and the space on its disk, then run again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise Unreachable(
            f"{file}: MLflow's database is damaged ({error}); bring a copy of it back, or move it away: a new one is "
            "made, and results under data/, models/ and reports/ do not depend on it."
        ) from error
    finally:
        if store is not None:
            store.close()


def _experiment(store: sqlite3.Connection, column: str) -> list[tuple[int, str]]:
    """Return id and `column` of the project's experiment; nothing where the database is still empty."""
    if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
        return []
    asked = f"SELECT experiment_id, {column} FROM experiments WHERE name = ?"
    return store.execute(asked, (EXPERIMENT,)).fetchall()


def _answers(server: str) -> None:
    """Raise Unreachable where nobody answers at `server`, of HTTP; whether it lets us in, MLflow finds out."""
    if not server.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{server.rstrip('/')}/health", timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"MLflow at {server.rpartition('@')[2]} does not answer ({error}). "
            "Start the server, or unset MLFLOW_TRACKING_URI to log into this checkout."
        ) from error


if __name__ == "__main__":
    settle()
