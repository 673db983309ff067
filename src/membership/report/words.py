"""Sentences: Jinja templates in `templates/`, filled with numbers and verdicts. No other module builds a sentence.

A template sees what it is given and the functions of `formats`, also as filters: `{{ metrics.total | money("USD") }}`.
What it names and is not given is an error.
"""

from typing import Any

import jinja2
from IPython.display import Markdown

from membership.report import formats

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


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("membership.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=jinja2.select_autoescape(["html.j2"], default_for_string=False),  # not Markdown and plain text
    )
    functions = {name: getattr(formats, name) for name in _FORMATS}
    made.filters |= functions
    made.globals |= functions
    return made


_TEMPLATES = _environment()


def render(template: str, **values: Any) -> str:
    """Return `templates/<template>.md.j2` filled with `values`."""
    text = _TEMPLATES.get_template(f"{template}.md.j2").render(**values)
    return text.strip()


def page(template: str, **values: Any) -> str:
    """Return `templates/<template>.html.j2` filled with `values`, in which all text from `values` is escaped."""
    return _TEMPLATES.get_template(f"{template}.html.j2").render(**values)


def show(template: str, **values: Any) -> Markdown:
    """Return the same as something that a notebook shows."""
    return Markdown(render(template, **values))
