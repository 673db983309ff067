"""What each member needs, estimated from behaviour: preferences relative to the population, with noise removed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.ties import rounded
from membership.data.features import UNKNOWN as NO_CATEGORY
from membership.profile.history import Seen
from membership.settings.needs import Needs
from membership.stats import credibility, lasting
from membership.stats.credibility import Shrunk
from membership.stats.lasting import Lasting

UNKNOWN = "unknown"
LOW_PRICES, VARIETY = "low prices", "variety"
CHANNEL_NEED, BRAND_NEED = "{} shopping", "{} brand"


@dataclass(frozen=True)
class Preferences:
    """What members prefer. Members with too few purchases have NaN in every column."""

    natural: pd.DataFrame  # index member_id, a column a need, in natural units, shrunk towards the population mean
    own: pd.DataFrame  # the same, not shrunk
    scores: pd.DataFrame  # shrunk, as true standard deviations between members above the population mean
    # index need: mean, spread (between members), lasting (share of what members truly differ that is still there half a
    # history later; null where history is too short to say), reliability (0 to 1), kept
    evidence: pd.DataFrame


@dataclass(frozen=True)
class Stability:
    """The parts of variance of needs, from two windows of `days` each; where too little is known, a need is missing."""

    parts: Mapping[str, Lasting]
    days: int


@dataclass(frozen=True)
class Measure:
    """One figure for each member, its number of trials, and the variance of one trial within a member."""

    observed: np.ndarray
    trials: np.ndarray
    within: float


def preferences(
    features: pd.DataFrame,
    shares: pd.DataFrame,
    habits: pd.DataFrame,
    levels: pd.DataFrame,
    settings: Needs,
    steady: Stability | None = None,
) -> Preferences:
    """Return what each member of `features` prefers.

    `features` and `shares` are the rows of `features` and `category_shares` at one cut-off, `habits` and `levels` what
    `data.habits` gives at it. Every figure is shrunk towards the population mean by as much as will not last: noise, of
    baskets and not of lines, and drift of tastes (`stats.lasting`). Without `steady`, and for a need of which it says
    nothing, lines count as independent and tastes as constant (`stats.credibility`), which claims too much. Left out
    are preferences whose mean reliability is below `settings.min_reliability`, those that are known of nobody
    (browsing, where there are no views), and goods without a category. Members with fewer than
    `settings.min_purchase_days` purchase days are all NaN.
    """
    facts = features.set_index("member_id").sort_index()
    facts = facts[facts["purchase_days"] >= settings.min_purchase_days]
    counts = habits.reindex(facts.index).fillna(0)
    measured = measures(facts, shares, counts, levels, settings)
    shrunk = {need: _shrunk(one, facts["age_days"], need, steady) for need, one in measured.items()}
    seen = {need: found for need, found in shrunk.items() if np.isfinite(found.figures).any()}
    rows = [(found.mean, found.spread, _lasting(need, steady), found.reliability) for need, found in seen.items()]
    columns = ["mean", "spread", "lasting", "reliability"]
    evidence = pd.DataFrame(rows, index=pd.Index(list(seen), name="need"), columns=columns)
    evidence["kept"] = rounded(evidence["reliability"]) >= settings.min_reliability
    kept = evidence.index[evidence["kept"]]
    shape = {"index": facts.index, "columns": kept, "dtype": float}
    natural = pd.DataFrame({need: seen[need].figures for need in kept}, **shape)
    own = pd.DataFrame({need: measured[need].observed for need in kept}, **shape)
    spread = evidence.loc[kept, "spread"]
    scores = (natural - natural.mean()) / spread.where(spread > 0, np.inf)
    everybody = pd.Index(features["member_id"].sort_values(), name="member_id")
    tables = (table.reindex(everybody).rename_axis(columns=None) for table in (natural, own, scores))
    return Preferences(*tables, evidence)


def stability(first: Seen, second: Seen, settings: Needs) -> Stability:
    """Return what of the differences between members lasts, by need, from two windows of like length."""
    members = first.facts.index.union(second.facts.index)
    before, after = (_aligned(half, members, settings) for half in (first, second))
    pairs = {need: (before[need], after[need]) for need in before if need in after}
    parts = {need: lasting.parts(*((m.observed, m.trials) for m in pair)) for need, pair in pairs.items()}
    return Stability({need: found for need, found in parts.items() if found}, first.window.days)


def judged(known: Preferences, later: Seen, steady: Stability, settings: Needs) -> pd.DataFrame:
    """Return how well preferences, `known` at the start of a window, predict what the same members did in it.

    Columns: members (who bought again); own and shrunk: the root mean squared error of the member's own figure and of
    the shrunk one, as a multiple of the error if everybody is predicted by the population mean (below 1 is better;
    members are weighted by their later trials); slope, with low and high: of the later figure on the shrunk one. Below
    1, members differ less than was expected of them: the shrunk figures claim too much. Variety is left out: it is
    another figure in a window of another length.
    """
    members = known.natural.index
    then = _aligned(later, members, settings)
    rows = {}
    for need in known.natural.columns.intersection(list(then)).drop(VARIETY, errors="ignore"):
        shrunk, own = (table[need].to_numpy() for table in (known.natural, known.own))
        seen, trials = then[need].observed, then[need].trials
        here = np.isfinite(seen) & np.isfinite(shrunk) & (trials > 0)
        if here.any():
            mean = np.full(len(members), known.evidence.loc[need, "mean"])
            errors = [_error(guess[here], seen[here], trials[here]) for guess in (own, shrunk, mean)]
            ratios = [error / errors[2] if errors[2] else np.nan for error in errors[:2]]
            found = lasting.slope(shrunk, seen, trials, steady.parts.get(need), settings.confidence)
            rows[need] = [found.members or here.sum(), *ratios, found.slope, found.low, found.high]
    columns = ["members", "own", "shrunk", "slope", "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("need")


def price_groups(preferences: Preferences, value: pd.DataFrame) -> pd.DataFrame:
    """Return members by the price of what they choose: members, share, price, discount (means), value (cents).

    Trading up and buying cheaper mean more than half a standard deviation from the population mean; price is the list
    price relative to the usual one of the subcategory (0 is usual). Empty where prices do not distinguish members.
    """
    columns = ["members", "share", "price", "discount", "value"]
    if LOW_PRICES not in preferences.scores:
        return pd.DataFrame(columns=columns)
    score = preferences.scores[LOW_PRICES].dropna()
    group = pd.cut(rounded(score), [-np.inf, -0.5, 0.5, np.inf], labels=["trades up", "as usual", "buys cheaper"])
    natural = preferences.natural.reindex(columns=[LOW_PRICES, "bargains"]).loc[score.index]
    facts = pd.DataFrame({"price": -natural[LOW_PRICES], "discount": natural["bargains"]})
    facts["value"] = value.set_index("member_id")["value"].reindex(score.index)
    table = facts.groupby(group, observed=False).mean()
    table.insert(0, "members", group.value_counts().reindex(table.index))
    table.insert(1, "share", table["members"] / max(len(score), 1))
    return table.rename_axis("chooses").set_axis(columns, axis=1)


def main_need(scores: pd.DataFrame) -> pd.Series:
    """Return, for each row of scores, the need furthest above the population mean; 'unknown' where none is above.

    Scores are compared after rounding; of equal ones the first column wins.
    """
    scores = rounded(scores)
    named = pd.Series(UNKNOWN, index=scores.index, name="main_need", dtype="str")
    known = scores[scores.max(axis=1) > 0]
    named.loc[known.index] = known.idxmax(axis=1) if len(known) else []
    return named


def lift(shares: pd.DataFrame, members: pd.Series | None = None) -> pd.Series:
    """Return each category's share of the spend of `members` (ids; None: of all) over its share of everybody's spend.

    1 means the same share, 2 twice as much.
    """
    total = shares.groupby("category", sort=True)["spend"].sum()
    theirs = total if members is None else _category_spend(shares, members).reindex(total.index, fill_value=0)
    return ((theirs / max(theirs.sum(), 1)) / (total / max(total.sum(), 1))).rename("lift")


def top_category(shares: pd.DataFrame) -> pd.Series:
    """Return the category on which each member spends most, by member_id; a tie goes to the first by name."""
    ordered = shares.sort_values(["member_id", "spend", "category"], ascending=[True, False, True])
    return ordered.drop_duplicates("member_id").set_index("member_id")["category"].rename("top_category")


def measures(
    facts: pd.DataFrame, shares: pd.DataFrame, counts: pd.DataFrame, levels: pd.DataFrame, settings: Needs
) -> dict[str, Measure]:
    """Return the figures of every need, aligned with `facts` (index member_id) and `counts` (the same index)."""
    return {**_ways(facts, counts), **_levels(levels, counts, settings), **_categories(shares, counts, settings)}


def _aligned(window: Seen, members: pd.Index, settings: Needs) -> dict[str, Measure]:
    """Return `measures` of `members` in a window, also of categories, brands and channels half as large as asked.

    What is large enough in all of history may be smaller in a part of it.
    """
    shares = {name: getattr(settings, name) / 2 for name in ("min_category_share", "min_level_share")}
    settings = settings.model_copy(update=shares)
    facts, counts = window.facts.reindex(members, fill_value=0), window.counts.reindex(members, fill_value=0)
    return measures(facts, window.shares, counts, window.levels, settings)


def _shrunk(one: Measure, ages: pd.Series, need: str, steady: Stability | None) -> Shrunk:
    found = steady.parts.get(need) if steady else None
    if not found:
        return credibility.shrink(one.observed, one.trials, one.within)
    return lasting.shrink(one.observed, one.trials, ages.to_numpy(float) / steady.days, found)


def _lasting(need: str, steady: Stability | None) -> float:
    found = steady.parts.get(need) if steady else None
    true = found.taste + found.drift if found else 0.0
    return found.taste / true if true else np.nan


def _ways(facts: pd.DataFrame, counts: pd.DataFrame) -> dict[str, Measure]:
    """All ways of shopping: counts, prices, place, brand loyalty, browsing, rhythm, variety."""
    orders = counts["orders"]
    level = _ratio(counts, "shelf_price", "usual_price", ("shelf_squares", "price_products", "usual_squares"))
    used, repeats = counts["channel_orders"], counts["channel_repeats"]
    viewed, days = counts["items_viewed"], facts["age_days"]
    variety = _variety(facts, counts["items"])
    return {
        "bargains": _ratio(counts, "discount", "list_price", ("discount_squares", "discount_products", "list_squares")),
        "big baskets": _mean(counts["items"], counts["item_squares"], orders),
        # spend per basket is its size times this: needs that overlap would count twice in personas
        "expensive items": _mean(counts["paid"], counts["line_squares"], counts["items"]),
        "weekend shopping": _share(counts["weekend_orders"], orders, orders),
        "evening shopping": _share(counts["evening_orders"], orders, orders),
        LOW_PRICES: Measure(1 - level.observed, level.trials, level.within),
        "shopping in one place": _share(repeats, used * (used - 1), used),
        "loyalty to brands": _share(counts["brand_repeats"], counts["brand_pairs"], counts["brand_lines"]),
        "looking around first": _share(counts["items_viewed_bought"], viewed, viewed),
        "frequent visits": Measure(
            facts["purchase_days"] / days.where(days > 0), days, credibility.rate_variance(facts["purchase_days"], days)
        ),
        VARIETY: Measure(variety, counts["items"], credibility.size_variance(variety, counts["items"])),
    }


def _levels(levels: pd.DataFrame, counts: pd.DataFrame, settings: Needs) -> dict[str, Measure]:
    """Shares of the large brands and channels, except the largest, which is the baseline."""
    found: dict[str, Measure] = {}
    for habit, words, trials in (
        ("brand", BRAND_NEED, _effective_lines(counts)),
        ("channel", CHANNEL_NEED, counts["channel_orders"]),
    ):
        rows = levels[levels["habit"] == habit]
        table = rows.pivot_table(index="member_id", columns="level", values="amount", aggfunc="sum", fill_value=0)
        total = table.sum().sort_values(ascending=False, kind="stable")
        large = total.index[total >= settings.min_level_share * total.sum()]
        known = table.sum(axis=1).reindex(counts.index)
        for level in large.drop(total.index[:1], errors="ignore"):
            found[words.format(level.lower())] = _share(table[level].reindex(counts.index), known, trials)
    return found


def _categories(shares: pd.DataFrame, counts: pd.DataFrame, settings: Needs) -> dict[str, Measure]:
    spend = shares.groupby("category", sort=True)["spend"].sum()
    large = spend.index[spend >= settings.min_category_share * spend.sum()].drop(NO_CATEGORY, errors="ignore")
    bought = shares.pivot_table(index="member_id", columns="category", values="share", aggfunc="sum", fill_value=0.0)
    bought = bought.reindex(index=counts.index, columns=large, fill_value=0.0)
    lines = _effective_lines(counts)
    return {category.lower(): _share(bought[category], pd.Series(1.0, bought.index), lines) for category in large}


def _share(part: pd.Series, whole: pd.Series, trials: pd.Series) -> Measure:
    share = (part / whole.where(whole > 0)).to_numpy(float)
    n = trials.to_numpy(float)
    return Measure(share, n, credibility.share_variance(share, n))


def _ratio(counts: pd.DataFrame, part: str, whole: str, sums: tuple[str, str, str]) -> Measure:
    ratio = (counts[part] / counts[whole].where(counts[whole] > 0)).to_numpy(float)
    squares, products, whole_squares = (counts[name].to_numpy(float) for name in sums)
    trials = counts[whole].to_numpy(float) ** 2 / np.where(whole_squares > 0, whole_squares, 1)
    return Measure(ratio, trials, credibility.ratio_variance(squares, products, whole_squares, ratio))


def _mean(total: pd.Series, squares: pd.Series, trials: pd.Series) -> Measure:
    sums, n = total.to_numpy(float), trials.to_numpy(float)
    mean = np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0)
    return Measure(mean, n, credibility.mean_variance(sums, squares.to_numpy(float), n))


def _error(guess: np.ndarray, then: np.ndarray, weights: np.ndarray) -> float:
    return float(np.sqrt(np.average((guess - then) ** 2, weights=weights)))


def _effective_lines(counts: pd.DataFrame) -> pd.Series:
    """Kish's (1965) effective number of purchase lines: as many lines of equal size would have the same variance."""
    return counts["paid"] / counts["line_squares"].where(counts["line_squares"] > 0, 1) * counts["paid"]


def _variety(facts: pd.DataFrame, bought: pd.Series) -> pd.Series:
    """Log of distinct items above the usual number for as many purchases (Heaps' law, a line in logarithms)."""
    known = (bought > 0) & (facts["items_distinct"] > 0)
    x, y = np.log(bought[known].astype(float)), np.log(facts.loc[known, "items_distinct"].astype(float))
    if x.nunique() < 2:
        return pd.Series(np.nan, index=facts.index)
    slope, level = np.polyfit(x, y, 1)
    return (y - slope * x - level).reindex(facts.index)


def _category_spend(shares: pd.DataFrame, members: pd.Series) -> pd.Series:
    return shares[shares["member_id"].isin(members)].groupby("category", sort=True)["spend"].sum()
