"""Gather the pages of the documentation in `.docs/pages/`: those written by hand, and those made from code.

`make docs` runs it, then mkdocs. Nothing that it makes is kept in git: parameters come from the settings, stages from
the notebooks and the last run, methods from docstrings.
"""

import inspect
import re
import shutil
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, get_origin

import nbformat
import yaml

from membership.base import graph, paths
from membership.settings import params
from membership.settings.section import Section, kinds

ROOT = Path(__file__).resolve().parents[1]
PAGES, BASE = ROOT / ".docs" / "pages", ROOT / "docs" / "mkdocs.yml"
COPIED = {"readme.md": "README.md", "data.md": "src/membership/data/README.md", "benchmarks.md": "benchmarks/README.md"}
ESTIMATORS = (
    "stats", "lifetimes", "repurchase", "value", "profile", "recommend", "trials", "tiers", "campaigns", "benefits",
    "evaluate", "monitor",
)  # fmt: skip
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]*)\)")
_NUMBERS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)


def main() -> None:
    """Write all pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs" / "pages", PAGES)
    for name, source in COPIED.items():
        (PAGES / name).write_text(copied(ROOT / source))
    (PAGES / "parameters.md").write_text(parameters())
    (PAGES / "methods.md").write_text(methods())
    (PAGES / "stages").mkdir()
    for node in graph.nodes():
        (PAGES / "stages" / f"{node.notebook.stem}.md").write_text(stage(node))
    listed = [{node.name: f"stages/{node.notebook.stem}.md"} for node in graph.nodes()]
    nav = [{"Stages": listed} if "Stages" in page else page for page in graph.read_yaml(BASE)["nav"]]
    (PAGES.parent / "mkdocs.yml").write_text(yaml.safe_dump({"INHERIT": "../docs/mkdocs.yml", "nav": nav}))


def copied(source: Path) -> str:
    """Return a README as a page: pictures come along, and what it links to in the repository is named."""

    def told(found: re.Match) -> str:
        picture, words, target = found.groups()
        file = (source.parent / target.split("#")[0]).resolve()
        if picture and file.exists():
            shutil.copy(file, PAGES / file.name)
            return f"![{words}]({file.name})"
        page = next(
            (name for name, origin in COPIED.items() if ROOT / origin == file or ROOT / origin == file / "README.md"),
            None,
        )
        return (
            f"[{words}]({page})"
            if page
            else f"{words} (`{file.relative_to(ROOT)}`)"
            if f"`{target}`" != words
            else words
        )

    return _LINK.sub(told, source.read_text(encoding="utf-8"))


def stage(node: graph.Node) -> str:
    """Return the page of a stage: its question, its picture of the last run, what it asks, reads and makes."""
    cells = nbformat.read(node.notebook, as_version=4).cells
    told = [cell.source for cell in cells if cell.cell_type == "markdown"]
    title, _, about = told[0].partition("\n")
    pictures = sorted((paths.reports("notebooks") / node.notebook.stem).glob("*.png"))
    shown = "*Its picture comes from a run: `make repro`, then `make docs`.*"
    if pictures:
        copy = f"{node.notebook.stem}.png"
        shutil.copy(pictures[0], PAGES / "stages" / copy)
        shown = f"![{pictures[0].stem[3:].replace('-', ' ')}]({copy})"
    asked = "\n\n".join(text.replace("\n# ", "\n## ") for text in told[1:])
    keys = ", ".join(f"[`{key}`](../parameters.md#{key})" for key in params.stage_keys(node.name))
    reads, makes = (", ".join(f"`{name}`" for name in names) for names in (node.deps, node.outs))
    return "\n\n".join(
        [
            f"{title}\n\nStage `{node.name}`, notebook `notebooks/{node.notebook.name}`.",
            *(about, shown, asked),
            f"## In the pipeline\n\n- parameters: {keys}\n- reads: {reads}\n- makes: {makes}\n",
        ]
    )


def methods() -> str:
    """Return the page of estimators: what each module says of its method and source."""
    parts = ["# Methods\n\nWhat is computed, how, and after whom: the modules' own words, room by room."]
    for room in ESTIMATORS:
        folder = ROOT / "src" / "membership" / room
        names = [
            ".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in sorted(folder.rglob("*.py"))
        ]
        parts += [f"## {room}", *(f"::: {name}" for name in names if not name.endswith("__init__"))]
    return "\n\n".join(parts) + "\n"


def parameters() -> str:
    """Return the page of parameters: of each what is allowed, its default, and the comment that stands beside it."""
    order = "`params.yaml` stands over the preset of `field`, and that over these defaults"
    parts = [f"# Parameters\n\n{order}. All values are checked before anything runs."]
    for key in params.KEYS:
        section = params.section_class(key) if key in params.SECTIONS else None
        if not (inspect.isclass(section) and issubclass(section, Section)):
            allowed = _allowed(params.adapter(key).json_schema())
            parts.append(f"## {key}\n\n{allowed}; default `{params.DEFAULTS.get(key, {})}`.")
            continue
        rows = ["| parameter | allowed | default | what it is |", "|:--|:--|:--|:--|", *_rows(section, key, {})]
        parts.append(f"## {key}\n\n{inspect.getdoc(section)}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _rows(section: type[Section], prefix: str, seen: dict[type, str]) -> Iterator[str]:
    """Yield a row for each field of `section` and of the sections in it; of those `seen` before, where."""
    said, schemas = _comments(section), section.model_json_schema()["properties"]
    for name, field in section.model_fields.items():
        dotted, form = f"{prefix}.{name}", field.annotation
        inner = [kind for kind in kinds(form) if inspect.isclass(kind) and issubclass(kind, Section)]
        if form not in inner:
            default = "must be given" if field.is_required() else _short(field.get_default(call_default_factory=True))
            alike = f"as `{seen[inner[0]]}` " if inner and inner[0] in seen else ""
            cells = [_allowed(schemas[name]), default, alike + said.get(name, "")]
            yield f"| `{dotted}` | {' | '.join(_cell(text) for text in cells)} |"
        below = f"{dotted}[]" if get_origin(form) in (list, dict) else dotted
        for kind in (kind for kind in inner if kind not in seen):
            seen[kind] = below
            yield from _rows(kind, below, seen)


def _short(value: Any) -> str:
    text = repr(value)
    return f"`{text}`" if len(text) <= 90 else f"`{text[:87]}...`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _allowed(schema: dict[str, Any]) -> str:
    """Return what a JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_allowed(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    kind = schema.get("type", "a mapping" if "$ref" in schema else "text")
    if kind == "array":
        return f"list of {_allowed(schema.get('items', {}))}"
    ends = [f"{word} {schema[key]}" for key, word in _NUMBERS if key in schema]
    return ", ".join([{"object": "mapping", "string": "text", "boolean": "true or false"}.get(kind, kind), *ends])


def _comments(section: type[Section]) -> dict[str, str]:
    """Return the comment beside each field of `section`, or in the lines above it."""
    found: dict[str, str] = {}
    above: list[str] = []
    bases = [kind for kind in reversed(section.__mro__) if issubclass(kind, Section) and kind is not Section]
    for line in (line for kind in bases for line in inspect.getsource(kind).splitlines()):
        comment = next((token.string for token in _tokens(line) if token.type == tokenize.COMMENT), "").lstrip("# ")
        field = re.match(r"    (\w+): ", line)
        if field:
            found[field.group(1)] = " ".join([*above, comment]).strip()
            above = []
        elif line.strip().startswith("#"):
            above.append(comment)
    return {name: text for name, text in found.items() if not text.startswith("fmt:")}


def _tokens(line: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(StringIO(line.strip()).readline))
    except (tokenize.TokenError, SyntaxError):
        return []


if __name__ == "__main__":
    main()
