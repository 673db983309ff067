"""What the scorer showed, kept before it answers: an append-only table in a database that several writers share.

SQLite by default, one file; PostgreSQL by its URL, `postgresql://user@host/database`, or another whose driver is
installed. Rows are committed when `append` returns, so that a process killed afterwards loses none. With SQLite in WAL
mode a power cut can lose the last moments only; with PostgreSQL as it comes, nothing.
"""

import os
from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from membership.base import paths
from membership.base.errors import DataError

URL = "MEMBERSHIP_TRIALS_LOG"  # in the environment: goes before params.yaml, e.g. with a password
LONGEST = {"request_id": 64, "member_id": 200}  # characters
_WAIT = 30  # seconds for other writers
_MAKING = 20240301  # number of the lock under which PostgreSQL makes the table

_META = sa.MetaData()
TABLE = sa.Table(
    "trial_exposures",
    _META,
    sa.Column("request_id", sa.String(LONGEST["request_id"]), primary_key=True),
    sa.Column("member_id", sa.String(LONGEST["member_id"]), primary_key=True),
    sa.Column("trial", sa.String(80), primary_key=True),
    sa.Column("arm", sa.String(40), nullable=False),
    sa.Column("propensity", sa.Float, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),  # the list or offer, as JSON
    sa.Column("as_of", sa.String(10), nullable=False),  # the day of the answer
    sa.Column("model_version", sa.String(80), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),  # ISO time on the members' wall clock
)
COLUMNS = tuple(column.name for column in TABLE.columns)
_KEY = tuple(column.name for column in TABLE.primary_key)


class Lost(DataError):
    """The log does not answer."""


class Log:
    """The table of exposures behind one URL; safe to use from several threads and processes."""

    def __init__(self, url: str | None = None, root: Path | None = None):
        """Open it, and make it where it is not there.

        Raises Lost, without the password, where the database does not answer or its driver is missing.
        """
        self._url = sa.make_url(os.environ.get(URL) or url or default(root))
        if self._url.drivername.startswith("sqlite") and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._engine = _engine(self._url)
            with self._engine.begin() as connection:
                _make(connection)
        except (ImportError, NoSuchModuleError) as error:
            raise self._undriven(error) from error
        except SQLAlchemyError as error:
            raise self._lost(error) from error
        dialect = {"sqlite": sqlite, "postgresql": postgresql}.get(self._engine.dialect.name)
        self._insert = dialect.insert(TABLE).on_conflict_do_nothing() if dialect else sa.insert(TABLE)

    def append(self, rows: Iterable[dict]) -> None:
        """Add rows with COLUMNS, all or none; they are kept when this returns.

        A request that was logged before, and is sent again, changes nothing: the first answer stands. Raises Lost
        where the database does not take them; then nothing may be answered.
        """
        rows = sorted(rows, key=itemgetter(*_KEY))  # in one order, so that two writers of the same never wait in a ring
        if not rows:
            return
        try:
            with self._engine.begin() as connection:
                connection.execute(self._insert, rows)
        except SQLAlchemyError as error:
            raise self._lost(error) from error

    def read(self, trial: str | None = None) -> pd.DataFrame:
        """Return what was logged (of one trial), in the order of time, `at` as local time without zone."""
        query = sa.select(TABLE).order_by(TABLE.c.at, TABLE.c.request_id, TABLE.c.member_id)
        query = query if trial is None else query.where(TABLE.c.trial == trial)
        try:
            with self._engine.connect() as connection:
                found = pd.DataFrame(connection.execute(query).mappings().all(), columns=list(COLUMNS))
        except SQLAlchemyError as error:
            raise self._lost(error) from error
        return found.assign(at=pd.to_datetime(found["at"], format="ISO8601").astype("datetime64[us]"))

    def rename(self, names: Mapping[str, str]) -> int:
        """Call members by their new `names` (old -> new), all or none; return how many rows that were."""
        table = TABLE.c.member_id
        statement = sa.update(TABLE).where(table == sa.bindparam("old")).values(member_id=sa.bindparam("new"))
        return self._change(statement, [{"old": old, "new": new} for old, new in names.items()])

    def forget(self, member: str) -> int:
        """Take out all rows of a member, so that their bytes are gone from SQLite's file, too; return how many."""
        found = self._change(sa.delete(TABLE).where(TABLE.c.member_id == sa.bindparam("old")), [{"old": member}])
        if self._url.drivername.startswith("sqlite"):
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return found

    def _change(self, statement: sa.Update | sa.Delete, rows: list[dict]) -> int:
        try:
            with self._engine.begin() as connection:
                return sum(connection.execute(statement, row).rowcount for row in rows)
        except SQLAlchemyError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def _lost(self, error: Exception) -> "Lost":
        told = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
        return Lost(
            f"the log of trials, {self._where}, does not answer ({told}); nothing was logged or answered. Start the "
            f"database, or correct `trials.log` in params.yaml or ${URL}."
        )

    def _undriven(self, error: Exception) -> "Lost":
        return Lost(
            f"the log of trials, {self._where}: the driver of {self._url.drivername!r} is not installed ({error}); "
            "nothing was logged or answered. Those of SQLite and PostgreSQL come with the project (`make venv`); for "
            f"another database install what SQLAlchemy names, or correct `trials.log` in params.yaml or ${URL}."
        )

    @property
    def _where(self) -> str:
        return self._url.render_as_string(hide_password=True)


def default(root: Path | None = None) -> str:
    """Return the URL of the file in which exposures are logged where none is named."""
    return f"sqlite:///{(root or paths.root()) / 'trials.db'}"


def empty() -> pd.DataFrame:
    """Return a log without rows."""
    return pd.DataFrame({name: pd.Series(dtype="datetime64[us]" if name == "at" else "str") for name in COLUMNS})


def _engine(url: sa.URL) -> sa.Engine:
    """Return the engine of `url`; connections of a server that was started anew are noticed before they are used."""
    if not url.drivername.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True)
    found = sa.create_engine(url, connect_args={"timeout": _WAIT})
    sa.event.listen(found, "connect", _settle)
    return found


def _make(connection: sa.Connection) -> None:
    """Make the table where it is not there; a role that may not make tables can be let to add rows to one."""
    if not sa.inspect(connection).has_table(TABLE.name):
        if connection.dialect.name == "postgresql":  # of two that make it at once, one would fail
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
        connection.execute(sa.schema.CreateTable(TABLE, if_not_exists=True))


def _settle(connection, _record) -> None:
    """Let readers and a writer go on side by side; a commit waits for the file system, not for the disk."""
    for pragma in (f"busy_timeout={_WAIT * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
