"""Campaigns out of a log of events: who was reached by which offer, and when."""

from dataclasses import replace

import pandas as pd

from membership.data.guessing import kinds, words, writing
from membership.data.guessing.build import Build
from membership.data.guessing.found import Remark, TableGuess

_WAVES = 100  # different times at which offers are sent, up to which each time is a campaign of its own


def reached(one: Build) -> TableGuess:
    """Return exposures, out of a log of events in which offers reach members."""
    rows = writing.rows(one, {role: one.parts[role].column for role in ("member_id", "offer_id", "kind", "at")})
    rows["at"] = pd.to_datetime(rows["at"], format="ISO8601")
    found = kinds.exposures(rows, one.kinds)
    written = found.assign(
        **{
            name: found[name].dt.strftime("%Y-%m-%d %H:%M:%S").astype(object).where(found[name].notna(), None)
            for name in ("at", "redeemed_at")
        }
    )
    remark = Remark("paths", "reached", {"reached": one.kinds.reached, "redeemed": one.kinds.redeemed})
    return TableGuess(
        "exposures", one.group.sources, {"columns": {name: name for name in written.columns}}, {}, (remark,), written
    )


def by_wave(exposures: TableGuess, offers: TableGuess) -> dict[str, TableGuess]:
    """Return offers and exposures by wave, where offers without dates are sent in waves, each as long as the offer."""
    if {"starts_at", "ends_at"} & set(offers.mapping["columns"]) or exposures.converted["at"].nunique() > _WAVES:
        return {}
    source = pd.concat([one.frame for one in offers.sources], ignore_index=True)
    duration = next(
        (name for name in source.columns if words.likeness(name, ("duration", "days", "validity", "dauer")) >= 2), None
    )
    if duration is None:
        return {}
    days = dict(
        zip(
            source[offers.parts["offer_id"].column].str.strip(),
            pd.to_numeric(source[duration], errors="coerce"),
            strict=True,
        )
    )
    sent = exposures.converted.assign(wave=exposures.converted["offer_id"] + " " + exposures.converted["at"].str[:10])
    waves = sent[["wave", "offer_id", "at"]].drop_duplicates("wave")
    ends = pd.to_datetime(waves["at"]) + pd.to_timedelta(waves["offer_id"].map(days).fillna(7), unit="D")
    rows = (
        offers.converted
        if offers.converted is not None
        else source.rename(columns={theirs: ours for ours, theirs in offers.mapping["columns"].items()})
    )
    kept = ["offer_id", *(name for name in ("kind", "cost") if name in rows)]
    made = waves.assign(ends_at=ends.dt.strftime("%Y-%m-%d %H:%M:%S")).merge(rows[kept], on="offer_id", how="left")
    made = made.drop(columns="offer_id").rename(columns={"wave": "offer_id", "at": "starts_at"}).reset_index(drop=True)
    remark = Remark("paths", "waves", {"duration": duration, "waves": sent["at"].nunique()})
    mapping = {"columns": {name: name for name in made.columns}}
    written = sent.drop(columns="offer_id").rename(columns={"wave": "offer_id"})
    return {
        "offers": replace(offers, mapping=mapping, converted=made, remarks=(remark, *offers.remarks)),
        "exposures": replace(exposures, converted=written),
    }
