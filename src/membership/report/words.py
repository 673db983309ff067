"""Sentences: Jinja templates in `templates/`, filled with numbers and verdicts. No other module builds a sentence.

A template sees what it is given and the functions of `formats`, also as filters: `{{ metrics.total | money("USD") }}`.
What it names and is not given is an error; `back`, what coming back is called, is always given. Text that it is given
is escaped, in Markdown by `markdown`, in HTML by Jinja; constants that are Markdown or HTML themselves say so
(`| safe`).
"""

import re
from functools import cache
from typing import Any

import jinja2
from IPython.display import Markdown
from jinja2.ext import Extension
from markupsafe import Markup

from membership.report import back, few, formats, language, markdown
from membership.report.called import called
from membership.settings.report import catalogues

_FORMATS = (
    "number",
    "signed",
    "share",
    "money",
    "amount",
    "setting",
    "day",
    "p_value",
    "interval",
    "listed",
    "plural",
    "known",
    "currency",
)


class _Spoken(Extension):
    """Templates in the language that is spoken: see `language`."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return language.translated(source)


def _escaped(value: Any) -> Any:
    return markdown.escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _in_line(value: Any) -> Any:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", value) if isinstance(value, str) else value


_FINALIZED = {"md": _escaped, "html": lambda value: value, "txt": _in_line}


@cache
def environment(kind: str, spoken: str) -> jinja2.Environment:
    """Return what reads the templates of a `kind` (md, html, txt), for the language that is `spoken`."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("membership.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=kind != "txt",
        finalize=_FINALIZED[kind],
        extensions=[_Spoken],
    )
    functions = {name: getattr(formats, name) for name in _FORMATS} | {"term": language.term, "called": called}
    made.filters |= functions
    made.globals |= functions | {"language": spoken}
    return made


def _filled(kind: str, template: str, values: dict[str, Any]) -> str:
    return environment(kind, language.current()).get_template(f"{template}.{kind}.j2").render(**values)


def render(template: str, **values: Any) -> str:
    """Return `templates/<template>.md.j2` filled with `values`, in which all text is escaped and no group is too small.

    See `few`.
    """
    return few.markdown(_filled("md", template, {"back": back.word(), **values}).strip(), few.smallest())


def text(template: str, **values: Any) -> str:
    """Return `templates/<template>.txt.j2` filled with `values`, for a terminal or a comment: no text is escaped.

    Signs that control a terminal, or end a line within a value, become blanks.
    """
    return _filled("txt", template, values).strip()


def page(template: str, **values: Any) -> str:
    """Return `templates/<template>.html.j2` filled with `values`, in which all text from `values` is escaped."""
    return _filled("html", template, {"back": back.word(), **values})


def markup(template: str, **values: Any) -> Markup:
    """Return the same as a part of another page, which takes it as it is."""
    return Markup(page(template, **values))


def show(template: str, **values: Any) -> Markdown:
    """Return the same as something that a notebook shows."""
    return Markdown(render(template, **values))


def conclude(template: str, **values: Any) -> Markdown:
    """Return the same in English, and beside it in every other language there is, for the pages that will take it."""
    others = {}
    for other in catalogues():
        with language.spoken(other):
            others[other] = render(template, **values)
    return Markdown(render(template, **values), metadata={language.OTHERS: others})
