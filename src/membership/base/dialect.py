"""What the engine reads: patterns and formats of times, tried before any table is opened."""

COUNTS = ("epoch_s", "epoch_ms", "excel_days")  # seconds, milliseconds since 1970; days of a spreadsheet
_MOMENT = "TIMESTAMP '2001-12-31 12:34:56'"


def pattern(text: str) -> str:
    """Return a regular expression that the engine reads. Raises ValueError, saying what it does not know."""
    if text:
        _asked("SELECT regexp_matches('', ?)", [text], "not a regular expression of the engine (RE2)")
    return text


def time_format(text: str) -> str:
    """Return a format of times that the engine reads and that holds year and month. Raises ValueError."""
    if text not in COUNTS:
        written = text.replace("%Z", "UTC")
        found = _asked(
            f"SELECT strftime(CAST(strptime(strftime({_MOMENT}, ?), ?) AS TIMESTAMP), '%Y-%m')",
            [written, text],
            "not a format of times",
        )
        if found != "2001-12":
            raise ValueError(
                "a format without a year and a month; allowed: directives such as %d/%m/%Y %H:%M, and `year` where "
                "the times have none"
            )
    return text


def _asked(query: str, values: list[str], what: str) -> str:
    import duckdb  # a moment that parameters without patterns and formats need not wait for

    try:
        with duckdb.connect() as engine:
            return engine.execute(query, values).fetchone()[0]
    except duckdb.Error as error:
        told = str(error).splitlines()[0].split("Error: ", 1)[-1]
        raise ValueError(f"{what} ({told})") from error
