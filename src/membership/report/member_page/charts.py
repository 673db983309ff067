"""The small drawings of a member's page, as inline SVG: numbers and words -> text that a browser shows and prints."""

from collections.abc import Sequence
from html import escape

BLUE, ORANGE, GREY, LIGHT = "#2f6f9f", "#d9822b", "#8a939b", "#e6eaed"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STAGE_COLORS = {
    "prospect": "#d5dade",
    "new": "#8fc1e3",
    "active": "#5b9fcf",
    "loyal": "#2f6f9f",
    "at_risk": "#f0b35c",
    "lapsed": "#c8553d",
    "won_back": "#6aa876",
}


def bars(rows: Sequence[tuple[str, float, str]], reach: float = 3.0) -> str:
    """Draw scores as bars from a zero in the middle, cut at +-`reach`: rows of label, score, colour."""
    height, middle, half = 22, 300, 120
    drawn = []
    for number, (label, score, color) in enumerate(rows):
        length = min(abs(score), reach) / reach * half
        x, y = middle - (length if score < 0 else 0), number * height
        at = middle + length + 5 if score >= 0 else middle - length - 5
        drawn.append(
            f'<text x="170" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{x:.1f}" y="{y + 4}" width="{max(length, 1):.1f}" height="14" rx="2" fill="{color}"/>'
            f'<text x="{at:.1f}" y="{y + 15}" class="small" text-anchor="{"start" if score >= 0 else "end"}">'
            f"{score:+.1f}</text>"
        )
    total = len(rows) * height
    axis = f'<line x1="{middle}" y1="0" x2="{middle}" y2="{total}" stroke="{GREY}"/>'
    return _svg(460, total, axis + "".join(drawn))


def strip(months: Sequence[tuple[str, str]]) -> str:
    """Draw a stage a month as a row of coloured cells: rows of day (YYYY-MM-DD) and stage; a legend below."""
    width = 460 / max(len(months), 1)
    cells, labels = [], []
    step = max(1, -(-len(months) // 8))
    for number, (month, stage) in enumerate(months):
        x = number * width
        color = STAGE_COLORS.get(stage, GREY)
        title = f"<title>{escape(month)}: {escape(stage.replace('_', ' '))}</title>"
        cells.append(
            f'<rect x="{x:.1f}" y="0" width="{width - 2:.1f}" height="26" rx="3" fill="{color}">{title}</rect>'
        )
        if (len(months) - 1 - number) % step == 0:
            labels.append(_month(month, x + width / 2, 40, number == 0))
    seen = [stage for stage in STAGE_COLORS if any(stage == found for _, found in months)]
    legend = "".join(
        f'<span class="key"><i style="background:{STAGE_COLORS[stage]}"></i>{stage.replace("_", " ")}</span>'
        for stage in seen
    )
    return _svg(460, 46, "".join(cells + labels)) + f'<div class="legend">{legend}</div>'


def interval(value: float, low: float, high: float, words: tuple[str, str, str]) -> str:
    """Draw a value between the ends of its interval on a line from 0; `words` are the texts of low, value and high."""
    end = max(high, value, 1e-9) * 1.02
    x = [max(0.0, amount) / end * 440 + 10 for amount in (low, value, high)]
    middle = min(max(x[1], 60), 400)
    line = f'<line x1="10" y1="32" x2="450" y2="32" stroke="{LIGHT}" stroke-width="8" stroke-linecap="round"/>'
    ends = f'x1="{x[0]:.1f}" y1="32" x2="{x[2]:.1f}" y2="32"'
    band = f'<line {ends} stroke="#a9c9e0" stroke-width="8" stroke-linecap="round"/>'
    dot = f'<circle cx="{x[1]:.1f}" cy="32" r="7" fill="{BLUE}"/>'
    texts = (
        f'<text x="{middle:.1f}" y="18" text-anchor="middle" class="strong">{escape(words[1])}</text>'
        f'<text x="{x[0]:.1f}" y="52" class="small">{escape(words[0])}</text>'
        f'<text x="{x[2]:.1f}" y="52" class="small" text-anchor="end">{escape(words[2])}</text>'
    )
    return _svg(460, 58, line + band + dot + texts)


def columns(months: Sequence[tuple[str, float]], words: Sequence[str]) -> str:
    """Draw an amount a month as columns: rows of month (YYYY-MM) and amount, and what each says."""
    top, width = max((amount for _, amount in months), default=0) or 1, 460 / max(len(months), 1)
    drawn = []
    for number, ((month, amount), word) in enumerate(zip(months, words, strict=True)):
        height = max(amount, 0) / top * 60
        x = number * width
        drawn.append(
            f'<rect x="{x:.1f}" y="{62 - height:.1f}" width="{width - 4:.1f}" height="{height + 1:.1f}" fill="{BLUE}">'
            f"<title>{escape(month)}: {escape(word)}</title></rect>{_month(month, x + width / 2 - 2, 77)}"
        )
    return _svg(460, 84, "".join(drawn))


def progress(share: float) -> str:
    """Draw how much of the way is done, 0 to 1."""
    done = min(max(share, 0.0), 1.0) * 460
    back = f'<rect x="0" y="2" width="460" height="10" rx="5" fill="{LIGHT}"/>'
    return _svg(460, 14, back + f'<rect x="0" y="2" width="{done:.1f}" height="10" rx="5" fill="{BLUE}"/>')


def _month(month: str, x: float, y: int, first: bool = False) -> str:
    """Draw the short name of a month that starts as YYYY-MM, with the year where it begins or the drawing does."""
    name = MONTHS[int(month[5:7]) - 1]
    label = f"{name} {month[2:4]}" if first or name == "Jan" else name
    return f'<text x="{x:.1f}" y="{y}" class="small" text-anchor="middle">{label}</text>'


def _svg(width: int, height: float, inside: str) -> str:
    return f'<svg viewBox="0 0 {width} {height:.0f}" width="100%" role="img">{inside}</svg>'
