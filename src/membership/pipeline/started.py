"""What `make start` writes: files where the pipeline reads them, `params.yaml` with reasons, deps in `dvc.yaml`."""

import io
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from membership.base import files, graph, paths
from membership.base.errors import ParamError
from membership.data.guessing.found import Guess, TableGuess
from membership.data.suggest import Suggestion
from membership.settings import params, preset
from membership.settings.dataset import Files

RAW, WRITTEN = "data/raw", "data/raw/converted"  # where files from elsewhere are copied to; where rows written anew are
BEFORE = "params.before.yaml"
_PLAIN = re.compile(r"[A-Za-z_][\w ./*%-]*[\w/*]|[A-Za-z_]")  # text that YAML needs no quotes for,
_NOT_TEXT = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}  # but for these


@contextmanager
def placed(found: Guess) -> Iterator[dict[str, list[str]]]:
    """Yield table -> paths of its files, from the root; what was copied or written is taken back on failure."""
    made: list[Path] = []
    try:
        yield {
            name: _written(one, made) if one.converted is not None else _paths(one, made)
            for name, one in found.tables.items()
            if known(name)
        }
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def known(table: str) -> bool:
    """Say whether the pipeline reads a table of this name."""
    return table in Files.model_fields


def _written(one: TableGuess, made: list[Path]) -> list[str]:
    path = paths.root() / WRITTEN / f"{one.table}.parquet"
    if not path.exists():
        made.append(path)
    table = pa.table(
        {
            name: pa.array(
                one.converted[name].map(lambda cell: None if cell is None or cell != cell else str(cell)), pa.string()
            )
            for name in one.converted
        }
    )
    with files.whole(path) as temporary:
        pq.write_table(table, temporary)
    return [path.relative_to(paths.root()).as_posix()]


def _paths(one: TableGuess, made: list[Path]) -> list[str]:
    root = paths.root()
    found = []
    for source in one.sources:
        path = source.path.resolve()
        if not path.is_relative_to(root):
            copy = root / RAW / path.name
            if not copy.exists():
                made.append(copy)
            elif copy.stat().st_size != path.stat().st_size or copy.read_bytes() != path.read_bytes():
                copy = root / RAW / f"{path.parent.name}_{path.name}"
                made += [] if copy.exists() else [copy]
            with files.whole(copy) as temporary:
                shutil.copyfile(path, temporary)
            path = copy
        found.append(path.relative_to(root).as_posix())
    return sorted(dict.fromkeys(found))


def settings(
    found: Guess, at: Mapping[str, list[str]], field: str | None, fitting: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of `params.yaml`: the mapping of tables whose files are `at`, and dotted keys of `fitting`."""
    tables = {name: {"paths": at[name], **_filled(one.mapping)} for name, one in found.tables.items() if name in at}
    raw: dict[str, Any] = {} if field is None else {"field": field}
    raw |= _kept()
    raw["dataset"] = {
        "source": "files",
        "timezone": found.timezone,
        "currency": found.currency,
        "max_members": None,
        "files": tables,
    }
    if found.cancellation_pattern:
        raw.setdefault("clean", {})["cancellation_pattern"] = found.cancellation_pattern
    if found.repeats:
        raw.setdefault("clean", {})["exact_duplicates"] = "kept"
    for dotted, value in fitting.items():
        section, name = dotted.split(".")
        raw.setdefault(section, {})[name] = str(value) if section == "windows" else value
    return {key: raw[key] for key in ("field", *params.KEYS) if key in raw}


def _filled(mapping: Mapping[str, Any]) -> dict[str, Any]:
    order = ("columns", "constants", "kinds", "changes", "plans", "nobody", "arms", "amount", "negative_amounts")
    ranked = sorted(mapping, key=lambda key: order.index(key) if key in order else len(order))
    return {
        key: dict(mapping[key]) if isinstance(mapping[key], Mapping) else mapping[key]
        for key in ranked
        if mapping[key] not in ({}, [], None)
    }


def _kept() -> dict[str, Any]:
    """What stays of the earlier `params.yaml`: what is no matter of the data."""
    try:
        before = graph.read_yaml(paths.root() / "params.yaml")
    except ParamError:
        return {}
    return {key: before[key] for key in ("seed", "device", "quick", "replay") if key in before}


def with_preset(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return `raw` over the preset that it names, as the pipeline reads it."""
    named = raw.get("field")
    return dict(raw) if named is None else preset.under(preset.read(named, paths.root() / "presets"), raw)


def write(
    found: Guess, at: Mapping[str, list[str]], field: str | None, fitting: Sequence[Suggestion], seen: object
) -> None:
    """Write `params.yaml`, each guess with its reason, and the deps of stage ingest; keep the file that was there."""
    root = paths.root()
    text = _commented(
        settings(found, at, field, {one.key: one.value for one in fitting}), found, at, field, fitting, seen
    )
    pipeline = _with_deps(
        (root / "dvc.yaml").read_text(encoding="utf-8"), [path for one in at.values() for path in one]
    )
    before = root / "params.yaml"
    if before.exists() and before.read_text(encoding="utf-8") != text:
        files.write_text(root / BEFORE, before.read_text(encoding="utf-8"))
    files.write_text(before, text)
    files.write_text(root / "dvc.yaml", pipeline)


def _with_deps(text: str, used: Sequence[str]) -> str:
    """Return `dvc.yaml` with the files `used` as deps of stage ingest; all else stays, comments too."""
    yaml = _yaml()
    content = yaml.load(text)
    deps = content["stages"]["ingest"]["deps"]
    own = [one for one in deps if str(one).startswith("data/code/")]
    del deps[:]
    deps.extend([*own, *sorted(set(used))])
    return _dumped(yaml, content)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10**6
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def _dumped(yaml: YAML, content: object) -> str:
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def _commented(
    raw: Mapping[str, Any],
    found: Guess,
    at: Mapping[str, list[str]],
    field: str | None,
    fitting: Sequence[Suggestion],
    seen: object,
) -> str:
    from membership.report import words

    content = _node(raw)
    content.yaml_set_start_comment(words.text("start_head", guess=found, seen=seen, before=BEFORE))
    if field is not None:
        content.yaml_add_eol_comment(words.text("start_reason", code="field", guess=found), "field")
    for key, by in (("timezone", found.timezone_by), ("currency", found.currency_by)):
        content["dataset"].yaml_add_eol_comment(words.text("start_reason", code=f"{key}_{by}", guess=found), key)
    for name in at:
        _beside(content["dataset"]["files"][name], found.tables[name])
    for key in content.get("clean", {}):
        content["clean"].yaml_add_eol_comment(words.text("start_reason", code=key, guess=found), key)
    for one in fitting:
        section, key = one.key.split(".")
        content[section].yaml_add_eol_comment(one.reason, key)
    return _dumped(_yaml(), content)


def _beside(table: CommentedMap, one: TableGuess) -> None:
    """Put the reason of each guess beside it; of two for the same key, the first, which says more."""
    from membership.report import words

    for remark in reversed(one.remarks):
        *parents, last = remark.key.split(".", 1)
        node = table.get(parents[0]) if parents else table
        if isinstance(node, CommentedMap) and last in node:
            reason = words.text("start_reason", code=remark.code, written=one.converted is not None, **remark.values)
            node.yaml_add_eol_comment(reason, last)


def _node(value: Any) -> Any:
    """`value` as ruamel keeps it, texts in quotes where a reader could take them for something else."""
    if isinstance(value, Mapping):
        return CommentedMap({_node(key): _node(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        listed = CommentedSeq([_node(inner) for inner in value])
        listed.fa.set_flow_style()
        return listed
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.lower() in _NOT_TEXT or " #" in value):
        return DoubleQuotedScalarString(value)
    return value
