"""Pages in a real browser, Debian's chromium: what its document became, and what it asked of the world."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-first-run",
)  # fmt: skip
_OWN = re.compile(r"^(https?://)?[a-z0-9-]+\.(google|gvt1|googleapis)\.com[:/]")  # what Chromium asks its maker


@contextmanager
def proxy() -> Iterator[list[str]]:
    """What a browser asks of the world, through a proxy that answers nothing; its address is the list's first."""
    found: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.append(self.path)
            self.send_error(404)

        do_CONNECT = do_POST = do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.append(f"127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()
    server.server_close()


def shown(page: Path, asked: list[str], folder: Path, wait: int = 2000) -> tuple[str, list[str]]:
    """Return the page's document as the browser made it in `wait` of its ms, and what it asked for; `folder` is its."""
    through = [f"--proxy-server=http://{asked[0]}", "--proxy-bypass-list=<-loopback>", f"--user-data-dir={folder}"]
    command = [BROWSER, *_QUIET, *through, f"--virtual-time-budget={wait}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [url for url in asked[1:] if not _OWN.search(url)]
