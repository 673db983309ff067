"""Text as Markdown that shows it as it stands: where names, answers and other words of people are escaped.

Characters that Markdown, HTML in it, or formulas in it would read become character references, which every reader of
Markdown shows as the character and none takes for structure (CommonMark 0.31, section 2.5). What has no meaning where
it stands is left alone, such as the underscores in recall_at_10.
"""

import re

from markupsafe import Markup

_SPECIAL = re.compile(
    r"[<>\\`*\]|~$]"  # a link, picture or footnote needs the closing bracket
    r"|&(?=#?\w+;)"  # what would be a character reference
    r"|(?<![^\W_])_|_(?![^\W_])"  # at the edge of a word
    r"|(?<=\b[Ww]{3})\.|:(?=//)"  # what would become a link
    r"|^#|^[-+](?=\s)|^-(?=-)|^=|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)"  # at the beginning of a line
)
_BREAK = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def escaped(text: str) -> Markup:
    r"""Return `text` on one line, as Markdown.

    >>> print(escaped("recall_at_10"), escaped("a|b"), escaped("<b>"), escaped("two\nlines"))
    recall_at_10 a&#124;b &#60;b&#62; two lines
    """
    return Markup(_SPECIAL.sub(lambda found: f"&#{ord(found.group())};", _BREAK.sub(" ", text)))


def code(text: str, language: str = "") -> str:
    """Return `text` as a block of code, whatever it holds: its fence is longer than any in `text`."""
    fence = "`" * (1 + max([2, *(len(run) for run in re.findall("`+", text))]))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
