"""A PostgreSQL of one's own, in a folder that goes again: for tests and benchmarks, where one is installed.

It listens on a socket in its folder alone, as a user who is not root: `nobody`, where root asks.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from membership.pipeline import local_postgres

WAIT = 30  # seconds until it must answer


class Server:
    """One server; `with Server() as server:` starts it, and ends it with all that it has."""

    def __init__(self, disk: bool = True):
        """Without `disk` it does not wait for the disk: a killed process loses nothing by that, a power cut would."""
        self._options = [] if disk else ["-c", "fsync=off"]

    def __enter__(self) -> "Server":
        """Make a database and start. Raises FileNotFoundError where no PostgreSQL is installed."""
        self._programs = local_postgres.programs()
        if self._programs is None:
            raise FileNotFoundError("no PostgreSQL here: `initdb` is neither on the path nor in /usr/lib/postgresql")
        self._folder = Path(tempfile.mkdtemp(prefix="postgres"))
        if self._user:
            shutil.chown(self._folder, *self._user.values())
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.start()
        return self

    def __exit__(self, *_):
        """End it, and take its folder away."""
        self._end(signal.SIGQUIT)  # at once: nothing of it is needed any more
        shutil.rmtree(self._folder)

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def new(self, database: str) -> str:
        """Make an empty database, and return its address."""
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {database}")
        return self.url(database)

    def start(self) -> None:
        """Start, and wait until it answers. Raises TimeoutError with what it said where it does not."""
        told, since = self._folder / "said.txt", time.monotonic()
        command = [self._programs / "postgres", "-D", self._data, "-k", self._folder, "-c", "listen_addresses="]
        command += self._options
        while time.monotonic() - since < WAIT:
            with told.open("ab") as said:
                self._process = subprocess.Popen(command, stdout=said, stderr=said, cwd=self._folder, **self._user)
            while self._process.poll() is None and time.monotonic() - since < WAIT:
                try:
                    self.connect().close()
                    return
                except psycopg.OperationalError:
                    time.sleep(0.05)
            time.sleep(0.1)  # after a kill: until the memory of the last one is free
        raise TimeoutError(f"PostgreSQL did not answer within {WAIT} s:\n{told.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it (`kill -9`): nothing is written that is not yet."""
        self._end(signal.SIGKILL)

    def connect(self, url: str | None = None) -> psycopg.Connection:
        """Return a connection to a database by its `url`, each statement for itself; without to that of the server."""
        return psycopg.connect(url or self.url(), autocommit=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _user(self) -> dict[str, str]:
        if os.geteuid():
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid}

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **self._user)

    def _end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait()
