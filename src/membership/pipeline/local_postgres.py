"""A PostgreSQL server of one's own on this machine, from the programs that Debian's package `postgresql` brings."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from membership.base.errors import ProjectError
from membership.pipeline import service
from membership.pipeline.service import Service

USER = "membership"
PASSWORD = "PGPASSWORD"  # the variable that PostgreSQL's clients read
_ROOT_BECOMES = "postgres"  # PostgreSQL refuses to run as root; Debian's package makes this user


@contextmanager
def running(folder: Path, port: int, databases: tuple[str, ...]) -> Iterator[Service]:
    """Serve `databases` from `folder` on `port` of 127.0.0.1 as long as the block runs; what is in them stays.

    The password of USER is made with the folder, kept in `folder/password` and put into `$PGPASSWORD`, where all
    clients that this process starts find it. Raises ProjectError where PostgreSQL is missing or does not start.
    """
    found, user = programs(), _user()
    if found is None:
        raise ProjectError("PostgreSQL is not installed: apt install postgresql (or name its folder in PATH).")
    _made(found, folder, user)
    os.environ[PASSWORD] = (folder / "password").read_text().strip()
    listens = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    reached = ["-h", "127.0.0.1", "-p", str(port), "-U", USER]

    def healthy() -> bool:
        return not _run([str(found / "pg_isready"), "-q", *reached, "-d", "postgres"]).returncode

    command = [str(found / "postgres"), "-D", str(folder / "data"), "-p", str(port), *listens]
    server = Service("PostgreSQL", command, healthy, folder / "postgres.log", port, user=user, ends=signal.SIGINT)
    with service.running(server):
        for name in databases:
            there = _run([str(found / "psql"), *reached, "-d", name, "-c", ""])
            if there.returncode:
                _checked([str(found / "createdb"), *reached, name])
        yield server


def url(port: int, database: str) -> str:
    """Return the address of `database` for SQLAlchemy, Ibis and MLflow; the password is in `$PGPASSWORD`."""
    return f"postgresql://{USER}@127.0.0.1:{port}/{database}"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the latest version's; None where it is not installed."""
    server = shutil.which("postgres")
    folders = [Path(server).resolve().parent] if server else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def _user() -> str | None:
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam(_ROOT_BECOMES).pw_name
    except KeyError as error:
        raise ProjectError(
            f"PostgreSQL does not run as root, and there is no user {_ROOT_BECOMES}; run this as another user."
        ) from error


def _made(programs: Path, folder: Path, user: str | None) -> None:
    """Make the folder of a server, its user and a password, once."""
    if (folder / "data" / "PG_VERSION").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "data", ignore_errors=True)  # half of one, after a kill
    password = folder / "password"
    password.unlink(missing_ok=True)
    with open(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))
    for path in (folder, password) if user else ():
        shutil.chown(path, user)
    asks = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={USER}", "--encoding=UTF8"]
    _checked([str(programs / "initdb"), "-D", str(folder / "data"), "--no-locale", *asks], user)


def _checked(command: list[str], user: str | None = None) -> None:
    ran = _run(command, user)
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or [f"ended with {ran.returncode}"])[-1]
        raise ProjectError(f"{Path(command[0]).name} failed ({last}); correct it, then run again.")


def _run(command: list[str], user: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, user=user, capture_output=True, text=True, check=False, cwd="/")
