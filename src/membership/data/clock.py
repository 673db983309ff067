"""Wall clocks and UTC, as Ibis expressions on DuckDB, PostgreSQL and Spark (whose session is in UTC).

An hour that a clock skips in spring is read as the hour after it; an hour that it repeats in autumn is read as its
second pass (standard time).
"""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

_INSTANT = dt.Timestamp(timezone="UTC")
_WALL = dt.Timestamp(scale=6)


@ibis.udf.scalar.builtin(name="timezone")
def _wall(zone: str, at: _INSTANT) -> dt.timestamp: ...


@ibis.udf.scalar.builtin(name="timezone")
def _instant(zone: str, wall: dt.timestamp) -> _INSTANT: ...


@ibis.udf.scalar.builtin(name="from_utc_timestamp")
def _spark_wall(at: dt.timestamp, zone: str) -> _INSTANT: ...


@ibis.udf.scalar.builtin(name="to_utc_timestamp")
def _spark_utc(wall: dt.timestamp, zone: str) -> _INSTANT: ...


def to_local(at: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """Return the wall clock time in `zone` (an IANA name) at the UTC times `at`; both are without zone."""
    if _on_spark(at):
        return _spark_wall(at, zone).cast(_WALL)
    return _wall(zone, _instant("UTC", at))


def to_utc(wall: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """Return the UTC times at which clocks in `zone` (an IANA name) show `wall`; both are without zone."""
    if not _on_spark(wall):
        return _wall("UTC", _instant(zone, wall))
    # Spark takes the first pass of a repeated hour. In the second, the clock has the offset of the day after already.
    first = _spark_utc(wall, zone).cast(_WALL)
    day_after = first + ibis.interval(days=1)
    second = wall + day_after.delta(to_local(day_after, zone), unit="second").as_interval("s")
    return (to_local(second, zone) == wall).ifelse(second, first)


def of_instant(instant: ir.TimestampValue) -> ir.TimestampValue:
    """Return times that know their zone as UTC times without zone."""
    return instant.cast(_WALL) if _on_spark(instant) else _wall("UTC", instant)


def _on_spark(times: ir.TimestampValue) -> bool:
    return times.get_backend().name == "pyspark"
