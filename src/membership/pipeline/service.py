"""A server as a process of this machine: started, asked until it answers, and ended with the block that needs it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from membership.base.errors import ProjectError

PATIENCE = 180  # seconds in which it has to answer, or to end
_PAUSE = 0.2  # seconds between two questions


@dataclass(frozen=True)
class Service:
    """What is started: `healthy` says whether it answers as it should, `log` holds what it says."""

    name: str
    command: list[str]
    healthy: Callable[[], bool]
    log: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None  # who runs it; None: who runs this
    ends: signal.Signals = signal.SIGTERM  # at which it ends in order


@contextmanager
def running(service: Service) -> Iterator[None]:
    """Run `service` as long as the block runs, which begins when it is healthy.

    Raises ProjectError where its port is taken, or it ends or does not answer within PATIENCE seconds.
    """
    if taken(service.port):
        raise ProjectError(
            f"{service.name}: port {service.port} of this machine is taken; end what has it, or choose another."
        )
    with service.log.open("ab") as log:
        process = subprocess.Popen(
            service.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **service.environment},
            user=service.user,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for who started it, who ends it
        )
    try:
        _wait(service, process)
        yield
    finally:
        _end(process, service.ends)


def taken(port: int) -> bool:
    """Say whether something listens on `port` of this machine."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def _wait(service: Service, process: subprocess.Popen) -> None:
    began = time.monotonic()
    while not service.healthy():
        if process.poll() is not None or time.monotonic() - began > PATIENCE:
            said = service.log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            what = f"does not answer within {PATIENCE} s" if process.poll() is None else f"ended with {process.poll()}"
            raise ProjectError(f"{service.name} {what} ({said[-1][:200]}); all it said is in {service.log}.")
        time.sleep(_PAUSE)


def _end(process: subprocess.Popen, by: signal.Signals) -> None:
    process.send_signal(by)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
