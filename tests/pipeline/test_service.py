"""Servers as processes of this machine: healthy as long as the block runs, gone afterwards, one message where not."""

import socket
import sys
import urllib.error
import urllib.request

import pytest

from membership.base.errors import ProjectError
from membership.pipeline import service
from membership.pipeline.service import Service


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def files(folder, port, *command: str) -> Service:
    """A server of the files in `folder`."""
    server = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]

    def healthy() -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/").status == 200
        except urllib.error.URLError:
            return False

    return Service("files", list(command) or server, healthy, folder / "log", port)


def test_a_service_answers_while_the_block_runs_and_is_gone_afterwards(tmp_path, port):
    with service.running(files(tmp_path, port)):
        assert service.taken(port)
        with (
            pytest.raises(ProjectError, match=f"files: port {port} .* is taken"),
            service.running(files(tmp_path, port)),
        ):
            pass
    assert not service.taken(port)


def test_one_that_ends_says_what_it_said_last(tmp_path, port):
    broken = files(tmp_path, port, sys.executable, "-c", "import sys; sys.exit('no room')")
    ended = pytest.raises(ProjectError, match=r"files ended with 1 \(no room\); all it said is in .*log")
    with ended, service.running(broken):
        pass
