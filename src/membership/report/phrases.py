"""Which phrases there are, for who translates: `make phrases` brings the catalogues in `languages/` up to date.

New phrases are added without a translation, and those that nothing says any more are left out.
"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.resources import files as package
from pathlib import Path

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from membership.base import files, graph, paths, tables
from membership.base.member_schemas import STAGES
from membership.base.schemas import KINDS
from membership.evaluate import metrics, verdicts
from membership.report import language, pages
from membership.settings.report import Report, catalogues

Key = tuple[str | tuple[str, str], str | None]  # a phrase, with its plural where it has one, and its context
_ROOM = Path(str(package("membership.report")))
_BEGIN = ("memo.md.j2", "memo_not_possible.md.j2")  # what is written besides the site and conclusions
_READ = re.compile(r'\{%-? *(?:include|extends|import|from) "([^"]+)"')
_COUNTED = re.compile(r'plural\([^"{}]*"([a-z ]+)"|\| plural\("([a-z ]+)"\)')
_CONCLUDED = re.compile(r'words\.conclude\(\s*"(\w+)"')
_SCRIPTED = re.compile(r'\bsay\("((?:[^"\\]|\\.)*)"')


def main() -> int:
    """Bring every catalogue up to date; return how many phrases have no translation, at most 1."""
    lacking = 0
    for spoken in catalogues():
        lacks = update(spoken)
        lacking += lacks
        print(f"{spoken}: {lacks} phrases without a translation")
    return min(lacking, 1)


def update(spoken: str) -> int:
    """Bring the catalogue of `spoken` up to date; return how many phrases it has no translation of."""
    language.catalogue.cache_clear()
    old, new = language.catalogue(spoken), Catalog(locale=spoken)
    for (text, context), told in found().items():
        known = old.get(text, context)
        new.add(text, known.string if known else None, context=context, auto_comments=told)
    with files.whole(catalogues()[spoken]) as temporary, temporary.open("wb") as file:
        write_po(file, new, width=0, omit_header=True)
    return sum(not message.string or not all(message.string) for message in new if message.id)


def found() -> dict[Key, list[str]]:
    """Return every phrase, in the order in which it is first said, and what stands in it."""
    said: dict[Key, list[str]] = {}
    for name in templates():
        source = (_ROOM / "templates" / name).read_text(encoding="utf-8")
        for text, expressions in language.phrases(source).items():
            told = [f"{{{number}}} is {each.strip('{} ')}" for number, each in enumerate(expressions, 1)]
            said.setdefault((text, None), told)
        for one in _COUNTED.finditer(source):
            noun = one.group(1) or one.group(2)
            said.setdefault(((noun, f"{noun}s"), language.COUNTED), [])
    for path in sorted(_ROOM.rglob("*.py")):
        said |= {(text, None): [] for text in _called(path) if (text, None) not in said}
    for path in sorted(_ROOM.rglob("*.js")):
        said |= {(text, None): [] for text in scripted(path.read_text(encoding="utf-8"))}
    said |= {(words, language.BACK): [] for words in field_words()}
    return said | {(word, language.TERM): [] for word in terms()}


def templates() -> list[str]:
    """Return the names of the templates of the site, the memo and conclusions, and of all that they take in."""
    room = _ROOM / "templates"
    cells = [cell.source for node in graph.nodes() for cell in nbformat.read(node.notebook, as_version=4).cells]
    concluded = [f"{name}.md.j2" for source in cells for name in _CONCLUDED.findall(source)]
    todo = [*(f"site/{path.name}" for path in sorted((room / "site").glob("*.j2"))), *_BEGIN, *concluded]
    for name in todo:
        todo += [each for each in _READ.findall((room / name).read_text(encoding="utf-8")) if each not in todo]
    return todo


def scripted(source: str) -> list[str]:
    """Return what a script says."""
    return list(dict.fromkeys(_SCRIPTED.findall(source)))


def terms() -> list[str]:
    """Return the words of the project that stand in data and are shown: stages, events, units, results, questions."""
    grouped = tables.ALL["effects"].columns["by"].among
    asked = [pages.title(node.notebook) for node in graph.nodes()]
    return [*STAGES, *KINDS, *grouped, *metrics.Unit, *verdicts.Result, *asked]


def field_words() -> list[tuple[str, str]]:
    """Return what pages call coming back, of one and of many, in a shop and in the fields that have a preset."""
    usual = Report.model_fields["order_word"].default
    presets = [graph.read_yaml(path) for path in sorted(paths.root().joinpath("presets").glob("*.yaml"))]
    return list(dict.fromkeys((*each.get("report", {}).get("order_word", usual),) for each in [{}, *presets]))


def _called(path: Path) -> Iterator[str]:
    """Yield the phrases that a module says: what it passes to `phrase` and `marked`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("phrase", "marked"):
            yield from (each.value for each in node.args[:1] if isinstance(each, ast.Constant))


if __name__ == "__main__":
    sys.exit(main())
