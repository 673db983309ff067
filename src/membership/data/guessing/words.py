"""Words of people's own files: what columns, events and tables are called (`words.yaml`), in plain form."""

import re
import unicodedata
from pathlib import Path

import yaml

_FILE = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def _listed(part: str) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(word.strip() for word in said.split(",")) for name, said in _FILE[part].items()}


ROLES, KINDS, TABLES, FIELDS = (_listed(part) for part in ("roles", "kinds", "tables", "fields"))
COUNTRIES = {str(country): tuple(one) for country, one in _listed("countries").items()}  # -> zone, currency
ZONES: dict[str, str] = _FILE["zones"]
WORTH: dict[str, float] = _FILE["worth"]
PAUSES, CLAIMS, CARED_FOR, CARE = (  # of a contract; on a policy; who comes to health care, and for what
    frozenset(word.strip() for word in _FILE[part].split(",")) for part in ("pauses", "claims", "visits_of", "visits")
)
REACHED = (
    "received",
    "sent",
    "delivered",
    "mailed",
    "assigned",
    "exposed",
    "shown",
    "erhalten",
    "gesendet",
    "zugestellt",
)
REDEEMED = ("completed", "redeemed", "used", "converted", "eingelost")
BILLS = (
    "bill", "bills", "billing", "invoice", "invoices", "payment", "payments", "charge", "charges", "premium",
    "premiums", "rechnung", "rechnungen", "zahlung", "zahlungen", "facture", "factures", "factura", "facturas",
    "fattura", "fatture",
)  # fmt: skip
NEAREST = {"cancel": None, "visit": "view", "play": "view", "booking": "purchase", "trip": "purchase"}
LONE_KIND = {
    "service": "contact",
    "travel": "trip",
    "content": "view",
}  # where no column says it
SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "zł": "PLN",
    "R$": "BRL",
    "US$": "USD",
    "₩": "KRW",
    "₺": "TRY",
}
CODES = tuple(WORTH)
DURATIONS = tuple(word.strip() for word in _FILE["durations"].split(","))  # what nobody pays for, they use for so long


def plain(text: str) -> str:
    """Return a name in plain form.

    >>> plain("CustomerID"), plain("Kunden-Nr."), plain("Montant payé (€)"), plain("订单号")
    ('customer id', 'kunden nr', 'montant paye', '订单号')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", str(text))
    bare = unicodedata.normalize("NFKD", apart.replace("ß", "ss"))
    letters = "".join(one for one in bare if not unicodedata.combining(one))
    return re.sub(r"[\W_]+", " ", letters.lower()).strip()


def likeness(name: str, words: tuple[str, ...]) -> float:
    """Return how surely a column called `name` is what `words` name: 0 no, 1 a word within, 2 all words, 3 the same.

    The last part of a name within objects (`basket.qty`) counts as all words. Of two names that are equally like, the
    more telling word counts a little more.
    """
    inner = plain(name.rpartition(".")[2]) if "." in name else None
    name = plain(name)
    tokens, best = set(name.split()), 0.0
    for rank, word in enumerate(words):
        earlier = 0.5 * (1 - rank / len(words))
        if word == name or word.replace(" ", "") == name.replace(" ", ""):
            return 3.0 + earlier
        if set(word.split()) <= tokens:
            best = max(best, (2.0 if " " in word or word == inner else 1.0) + earlier)
    return best


def is_total(name: str) -> bool:
    """Return whether a column of this name holds what was paid for the whole of a row."""
    other = likeness(name, ROLES["measure"]) >= 1 or likeness(name, ROLES["at"]) >= 2  # such as paid_at
    return likeness(name, ROLES["amount"]) >= 1 and not other


def is_price(name: str) -> bool:
    """Return whether a column of this name holds what was paid, for the whole or for a unit."""
    return is_total(name) or likeness(name, ROLES["unit_price"]) >= 1


def kind_of(text: str, allowed: tuple[str, ...]) -> str | None:
    """Return which of the `allowed` kinds of event `text` names, None where no word of it tells."""
    name = plain(text)
    tokens = name.split()
    for kind, words in KINDS.items():
        if any(word == name or word in tokens or (" " in word and word in name) for word in words):
            return kind if kind in allowed else NEAREST.get(kind)
    return None
