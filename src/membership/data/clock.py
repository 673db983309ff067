"""Wall clocks and UTC, as Ibis expressions on DuckDB.

An hour that a clock skips in spring is read as the hour after it; an hour that it repeats in autumn is read as its
second pass (standard time).
"""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

_INSTANT = dt.Timestamp(timezone="UTC")


@ibis.udf.scalar.builtin(name="timezone")
def _wall(zone: str, at: _INSTANT) -> dt.timestamp: ...


@ibis.udf.scalar.builtin(name="timezone")
def _instant(zone: str, wall: dt.timestamp) -> _INSTANT: ...


def to_local(at: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """Return the wall clock time in `zone` (an IANA name) at the UTC times `at`; both are without zone."""
    return _wall(zone, _instant("UTC", at))


def to_utc(wall: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """Return the UTC times at which clocks in `zone` (an IANA name) show `wall`; both are without zone."""
    return _wall("UTC", _instant(zone, wall))


def of_instant(instant: ir.TimestampValue) -> ir.TimestampValue:
    """Return times that know their zone as UTC times without zone."""
    return _wall("UTC", instant)
