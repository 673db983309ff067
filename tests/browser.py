"""Pages in a real browser, Debian's chromium: what its document became, what it asked for, what axe-core says of it."""

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDED = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: Debian's package is chromium")
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-first-run",
)  # fmt: skip
OWN = re.compile(r"^(https?://)?[a-z0-9-]+\.(google|gvt1|googleapis)\.com[:/]")  # what Chromium asks its maker
NARROW, BROAD = 390, 1440  # pixels
_FRAME = '<iframe src="{page}" width="{width}" height="1500"></iframe>'
_LISTEN = """<script>addEventListener("message", function (told) { var pre = document.createElement("pre");
pre.className = "checked"; pre.textContent = told.data; document.body.appendChild(pre); });</script>"""
_CHECK = """addEventListener("load", function () {
  axe.run(document, { resultTypes: ["violations"] }).then(function (found) {
    var bad = found.violations.filter(function (one) { return /serious|critical/.test(one.impact); });
    parent.postMessage(JSON.stringify({ width: innerWidth, faults: bad.map(function (one) { return one.id; }),
      wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      charts: document.querySelectorAll(".drawn").length,
      drawn: document.querySelectorAll(".drawn .plot-container").length }), "*"); }); });"""


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
    command = [BROWSER, *QUIET, *through, f"--virtual-time-budget={wait}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [url for url in asked[1:] if not OWN.search(url)]


def checked(page: Path, asked: list[str], folder: Path) -> dict[int, dict]:
    """Return what axe-core and the layout say of a copy of `page`, and what lies beside it, NARROW and BROAD.

    faults: serious and critical ones; wider: pixels that it is too wide; charts, drawn: how many; asked: of the world.
    """
    copy = shutil.copytree(page.parent, folder / "copy", dirs_exist_ok=True)
    (copy / "axe.min.js").write_bytes(files("axe_core_python").joinpath("axe.min.js").read_bytes())
    (copy / "check.js").write_text(_CHECK)
    text = page.read_text(encoding="utf-8")
    scripts = '<script src="axe.min.js"></script><script src="check.js"></script></body>'
    (copy / page.name).write_text(text.replace("</body>", scripts), encoding="utf-8")
    frames = "".join(_FRAME.format(page=page.name, width=width) for width in (NARROW, BROAD))
    (copy / "outer.html").write_text(f"<!doctype html>{_LISTEN}{frames}")
    document, found = shown(copy / "outer.html", asked, folder / "profile", wait=10_000)
    told = re.findall(r'<pre class="checked">(.*?)</pre>', document, re.DOTALL)
    assert len(told) == 2, f"{page.name}: the browser did not finish it"
    facts = [json.loads(html.unescape(one)) for one in told]
    return {one.pop("width"): one | {"asked": found} for one in facts}
