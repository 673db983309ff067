"""Malformed policies, models and tables of the project's own."""

# ruff: noqa: E501  (tables of cases, one after another)

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.trust_cases import Case, folder_for, put
from membership.base import files, paths, stored, tables
from membership.evaluate import champions
from membership.pipeline.moment import CLASSES
from membership.recommend import model, tune


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from _policies()
    yield from _models()


_CHAMPIONS = {
    "empty": b"", "no JSON": b"{", "a list": b"[]", "null": b"null", "a number": b"7", "not UTF-8": b'{"policy": "\xff"}',
    "no settings": b'{"policy": "gp_topfreq"}', "settings a list": b'{"policy": "gp_topfreq", "settings": []}',
    "an unknown policy": b'{"policy": "magic", "settings": {}}', "a policy that is a number": b'{"policy": 7, "settings": {}}',
    "a broken one before it": b'{"policy": "gp_topfreq", "settings": {}, "previous": {}}', "nested too deeply": b"[" * 10**5,
}  # fmt: skip


def _policies() -> Iterator[Case]:
    for name, content in _CHAMPIONS.items():
        yield Case("champion.json", name, lambda root, c=content: put(root / "champion.json", c), champions.live)
    yield Case("champion.json", "missing", lambda root: (root / "champion.json").unlink(), champions.live)
    yield Case("champion.json", "a folder", folder_for("champion.json"), champions.live)


def _models() -> Iterator[Case]:
    card = {"format": model.FORMAT, "signals": ["a"], "settings": {"hidden": 2}}
    full = card | {"settings": {"learning_rate": 0.1, "weight_decay": 0.0, "dropout": 0.0, "hidden": 2}}
    foreign = json.dumps({"format": "another"}).encode()
    for name, described, weights in (
        ("missing", None, None), ("no JSON", b"{", b""), ("foreign", foreign, b""), ("a list", b"[]", b""),
        ("settings missing", json.dumps(card).encode(), b""), ("no weights", json.dumps(full).encode(), None),
        ("broken weights", json.dumps(full).encode(), b"\x00" * 40), ("a pickle", json.dumps(full).encode(), b"\x80\x04N."),
        ("not UTF-8", b"\xff\xfe", b""), ("signals a number", json.dumps(full | {"signals": 7}).encode(), b""),
    ):  # fmt: skip

        def make(root: Path, described=described, weights=weights) -> None:
            for file, content in (("model.json", described), ("model.safetensors", weights)):
                if content is not None:
                    put(root / "models" / "next_basket" / file, content)

        yield Case("models", f"next_basket: {name}", make, lambda: model.load(paths.models("next_basket")))
        yield Case("models", f"worth: {name}", _moved(make), lambda: stored.load(paths.models("worth"), CLASSES))
    for name, content in {
        "no JSON": b"{",
        "foreign": b"{}",
        "a list": b"[]",
        "not UTF-8": b"\xff",
        "null": b"null",
    }.items():
        tuned = lambda root, c=content: put(root / "models" / "tuned.json", c)  # noqa: E731
        yield Case("models", f"tuned.json: {name}", tuned, tune.load)
    yield Case("models", "a class that is none", _foreign_class, lambda: stored.load(paths.models("worth"), CLASSES))
    for name in ("members", "events"):
        yield Case("stored tables", f"{name}: broken", _broken(name), lambda n=name: tables.read(n))
    yield Case("stored tables", "missing", lambda root: None, lambda: tables.read("value"))
    yield Case("stored tables", "a folder", folder_for("data/value.parquet"), lambda: tables.read("value"))
    broken = lambda root: put(root / "data" / "comparison.json", b"\xff")  # noqa: E731
    yield Case("stored tables", "JSON not UTF-8", broken, lambda: files.read_json(paths.data("comparison.json")))


def _moved(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def moved(root: Path) -> None:
        make(root)
        if (root / "models" / "next_basket").exists():
            (root / "models" / "next_basket").rename(root / "models" / "worth")

    return moved


def _foreign_class(root: Path) -> None:
    from safetensors.numpy import save_file

    plain = {"stored": {"class": "Popen", "fields": []}}
    put(root / "models" / "worth" / "model.json", json.dumps(plain).encode())
    save_file({}, root / "models" / "worth" / "model.safetensors")


def _broken(name: str) -> Callable[[Path], None]:
    return lambda root: put(root / "data" / f"{name}.parquet", b"PAR1 broken")
