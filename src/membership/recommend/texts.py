"""Texts: what is said of an item in words, as vectors that tell how much two items are alike."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from membership.recommend.attributes import unit

COLUMNS = (  # of table `items` that say something in words, where they are there
    "name", "title", "summary", "description", "text", "keywords", "tags",
    "category", "subcategory", "brand", "creator", "author",
)  # fmt: skip
LONGEST = 20_000  # characters of a text that are read: the rest of a book would say the same
BUCKETS = 2**18  # to which words and parts of words are hashed, so that there is no vocabulary to keep
LETTERS = (3, 4)  # characters of a part of a word


def texts(ids: Sequence[str], items: pd.DataFrame | None) -> pd.Series:
    """Return what `items` (the canonical table) says of each of `ids`, (I,), "" for nothing.

    Of several rows of an id the first counts; a name that only repeats the id says nothing. Letters are composed and
    without case, of whatever script.
    """
    there = [] if items is None else [name for name in COLUMNS if name in items]
    if not there:
        return pd.Series("", index=pd.Index(ids))
    known = items.drop_duplicates("item_id").set_index("item_id").reindex(ids)
    parts = known[there].astype("object").where(known[there].notna(), "").astype(str)
    if "name" in there:
        parts["name"] = parts["name"].where(parts["name"] != parts.index, "")
    joined = parts.agg(" ".join, axis=1).str.strip().str.slice(0, LONGEST)
    return joined.map(lambda text: unicodedata.normalize("NFKC", text).casefold())


def there(items: pd.DataFrame | None) -> bool:
    """Say whether texts of `items` (the canonical table) tell any two items apart."""
    if items is None or items.empty:
        return False
    said = texts(items["item_id"].drop_duplicates().to_numpy(dtype=str), items)
    return len(said[said != ""].unique()) > 1


def vectors(said: pd.Series) -> sparse.csr_array:
    """Return the texts `said` (I,) as rows of length 1, or of length 0 where nothing in one tells it from the others.

    TF-IDF: a word, or LETTERS of one, weighs (1 + log(times)) log(texts / texts that have it).
    """
    from sklearn.feature_extraction.text import HashingVectorizer  # a second that only those with texts wait for

    as_read = {"n_features": BUCKETS, "alternate_sign": False, "norm": None, "lowercase": False}
    words = HashingVectorizer(token_pattern=r"(?u)\w+", **as_read)
    letters = HashingVectorizer(analyzer="char_wb", ngram_range=LETTERS, **as_read)
    counts = sparse.hstack([words.transform(said), letters.transform(said)]).tocsr()
    counts.data = 1 + np.log(counts.data)
    has = np.bincount(counts.indices, minlength=counts.shape[1])
    rare = np.log(np.maximum((said != "").sum(), 1) / np.maximum(has, 1))
    return unit(sparse.csr_array(counts @ sparse.diags_array(rare)))
