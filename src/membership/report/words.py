"""Sentences: Jinja templates in `templates/`, filled with numbers and verdicts. No other module builds a sentence.

A template sees what it is given and the functions of `formats`, also as filters: `{{ metrics.total | money("USD") }}`.
What it names and is not given is an error. Text that it is given is escaped, in Markdown by `markdown`, in HTML by
Jinja; constants that are Markdown or HTML themselves say so (`| safe`).
"""

import re
from collections.abc import Callable
from typing import Any

import jinja2
from IPython.display import Markdown
from markupsafe import Markup

from membership.report import formats, markdown

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
)


def _environment(finalize: Callable[[Any], Any], autoescape: bool = True) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("membership.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=autoescape,
        finalize=finalize,
    )
    functions = {name: getattr(formats, name) for name in _FORMATS}
    made.filters |= functions
    made.globals |= functions
    return made


def _escaped(value: Any) -> Any:
    return markdown.escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _in_line(value: Any) -> Any:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", value) if isinstance(value, str) else value


_MARKDOWN, _HTML = _environment(_escaped), _environment(lambda value: value)
_TEXT = _environment(_in_line, autoescape=False)


def render(template: str, **values: Any) -> str:
    """Return `templates/<template>.md.j2` filled with `values`, in which all text is escaped."""
    text = _MARKDOWN.get_template(f"{template}.md.j2").render(**values)
    return text.strip()


def text(template: str, **values: Any) -> str:
    """Return `templates/<template>.txt.j2` filled with `values`, for a terminal or a comment: no text is escaped.

    Signs that control a terminal, or end a line within a value, become blanks.
    """
    return _TEXT.get_template(f"{template}.txt.j2").render(**values).strip()


def page(template: str, **values: Any) -> str:
    """Return `templates/<template>.html.j2` filled with `values`, in which all text from `values` is escaped."""
    return _HTML.get_template(f"{template}.html.j2").render(**values)


def show(template: str, **values: Any) -> Markdown:
    """Return the same as something that a notebook shows."""
    return Markdown(render(template, **values))
