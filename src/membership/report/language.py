"""The language that is spoken: templates are English, in one copy, and a catalogue has each of their phrases otherwise.

A catalogue is `languages/<language>.po` (gettext's format, read as it stands). A phrase of a template is what stands
between two of its statements, tags, lines or cells; `{1}` in it is its first expression. What is said in an expression,
as an arm of a condition or in several words, is a phrase of its own. A phrase that a catalogue does not have stays
English, and that is said once.

>>> with spoken("zh"):
...     print(phrase("Summary"), translated("<p>expected margin over {{ days }} days</p>"))
概览 <p>{{ days }} 天内的预期毛利</p>
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import c2py

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from membership.settings.report import SOURCE, catalogues

OTHERS = "languages"  # metadata of what a notebook concludes: language -> the same in it
COUNTED, TERM, BACK = "counted", "term", "back"  # contexts: a noun after its number; a word of data; see `back`

_SPOKEN: ContextVar[str] = ContextVar("spoken", default=SOURCE)
_LITERAL = r'"(?:[^"\\]|\\.)*"'
_EXPRESSION = r"\{\{.*?\}\}"
_STRUCTURE = re.compile(
    r"(\{#.*?#\}|\{%.*?%\}|<[a-zA-Z/!](?:\{\{.*?\}\}|\{%.*?%\}|[^>])*>|" + _EXPRESSION + r"|\n|\|)", re.DOTALL
)
_EDGES = re.compile(r"^(\s*(?:#+\s|- )?\s*)(.*?)(\s*)$", re.DOTALL)  # marks of a heading or list, and blanks
_ATTRIBUTE = re.compile(r'(?<=aria-label=")([^"]+)(?=")|(?<=placeholder=")([^"]+)(?=")')
_Say = Callable[[str, list[str]], str]  # takes a phrase, and the expressions in it
_WORDS = re.compile(r"[^\W\d_]")


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Let `language` be spoken meanwhile."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def current() -> str:
    """Return the language that is spoken."""
    return _SPOKEN.get()


def phrase(text: str) -> str:
    """Return `text` in the language that is spoken; in English, told once, where its catalogue does not have it."""
    told = said(current(), text)
    if told is None:
        _say_once(current(), text)
    return told or text


def said(spoken: str, text: str, context: str | None = None) -> str | None:
    """Return `text` in the language `spoken`; None where its catalogue does not have it."""
    message = None if spoken == SOURCE else catalogue(spoken).get(text, context)
    return text if spoken == SOURCE else str(message.string) if message and message.string else None


def marked(text: str) -> str:
    """Return `text`, which is a phrase that another place says."""
    return text


def term(word: str) -> str:
    """Return a word that stands in data, such as the name of a stage; one that the project does not give stays."""
    return said(current(), word, TERM) or word


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return the noun `one` as it reads after `count`."""
    many = many or one + "s"
    if told := _forms(one, many, COUNTED):
        return str(told[c2py(catalogue(current()).plural_expr)(int(count))])
    if current() != SOURCE:
        _say_once(current(), one)
    return one if count == 1 else many


def field_word(one: str, many: str) -> tuple[str, str]:
    """Return a word of the field, of one and of many; one that the catalogue does not have stays."""
    told = _forms(one, many, BACK) or (one, many)
    return str(told[0]), str(told[-1])


def _forms(one: str, many: str, context: str) -> Sequence[str] | None:
    message = None if current() == SOURCE else catalogue(current()).get((one, many), context)
    return message.string if message and all(message.string) else None


@cache
def catalogue(language: str) -> Catalog:
    """Return the phrases of `language`."""
    with catalogues()[language].open("rb") as file:
        return read_po(file, locale=language)


def translated(source: str) -> str:
    """Return the source of a template in the language that is spoken."""
    return source if current() == SOURCE else _rewritten(source, lambda text, _: phrase(text))


def phrases(source: str) -> dict[str, list[str]]:
    """Return the phrases of a template, each with the expressions that stand in it."""
    found: dict[str, list[str]] = {}

    def note(text: str, expressions: list[str]) -> str:
        found.setdefault(text, expressions)
        return text

    _rewritten(source, note)
    return found


def _rewritten(source: str, say: _Say) -> str:
    made, run, verbatim = [], [], False
    for place, part in enumerate([*_STRUCTURE.split(source), ""]):
        if place % 2 == 0 or part.startswith("{{"):
            run.append(part)
            continue
        made += [*(run if verbatim else [_segment(run, say)]), _tag(part, say) if part.startswith("<") else part]
        run, verbatim = [], part.startswith("<code")
    return "".join(made)


def _segment(run: list[str], say: _Say) -> str:
    """Return text and expressions between two pieces of structure, said by `say`."""
    expressions = [_expression(part, say) for part in run if part.startswith("{{")]
    count = iter(range(1, len(expressions) + 1))
    text = "".join(f"{{{next(count)}}}" if part.startswith("{{") else part for part in run)
    before, core, after = _EDGES.match(text).groups()
    told = say(core, expressions) if _WORDS.search(re.sub(r"`[^`]*`", "", core)) else core
    return re.sub(r"\{(\d+)\}", lambda found: expressions[int(found.group(1)) - 1], before + told + after)


def _expression(text: str, say: _Say) -> str:
    """Return an expression in which what is chosen by a condition, or has several words, is said by `say`."""

    def told(found: re.Match) -> str:
        before, after, literal = text[: found.start()], text[found.end() :], json.loads(found.group())
        chosen = before.endswith("else ") or after.startswith(" if ") or " " in literal
        if not chosen or before.endswith("= ") or not _WORDS.search(literal):
            return found.group()
        core = literal.strip()
        return json.dumps(literal.replace(core, say(core, [])), ensure_ascii=False)

    return re.sub(_LITERAL, told, text)


def _tag(text: str, say: _Say) -> str:
    return _ATTRIBUTE.sub(lambda found: _segment(re.split(f"({_EXPRESSION})", found.group(0)), say), text)


def _say_once(language: str, text: str) -> None:
    if language not in _TOLD:
        _TOLD.add(language)
        print(f"language {language}: no words for {text!r}, nor perhaps for others: English.", file=sys.stderr)


_TOLD: set[str] = set()
