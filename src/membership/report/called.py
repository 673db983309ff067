"""What pages call the metrics of lists, so that who reads a result need not know the names of metrics."""

from membership.report.language import marked, phrase

_IN_WORDS = {
    "recall": marked("of the next basket, listed"),
    "recall_of_all": marked("of all that was bought, listed"),
    "ndcg": marked("bought items stand first"),
    "hit": marked("members who bought from it"),
    "repeat_recall": marked("of repeated items, listed"),
    "explore_recall": marked("of first-time items, listed"),
    "explore_share": marked("of the list, new"),
    "explore_hit_share": marked("of listed and bought, new"),
    "serendipity": marked("of the list, a surprise that was bought"),
    "novelty": marked("how rare listed items are"),
    "diversity": marked("of listed pairs, of two categories"),
    "freshness": marked("of the list, new to everybody"),
    "popularity_bias": marked("more popular than what was bought"),
    "discount_per_item": marked("discount of a listed item"),
    "margin": marked("margin on listed and bought"),
    "catalogue_coverage": marked("of the catalogue, on any list"),
    "fairness_gap": marked("worst to best served group"),
    "fairness_spread": marked("spread between groups"),
}


def called(name: str) -> str:
    """Return in words what the metric `name`, one of `evaluate.metrics` such as recall_at_10, counts."""
    return phrase(_IN_WORDS[name.partition("_at_")[0]])
