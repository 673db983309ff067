"""One fit or one scoring in a fresh process, measured: `python measure.py TASK MEMBERS.npy` prints one JSON object.

Runs under the interpreter of the project or of the peers. MEMBERS.npy has rows frequency, t_x and T (weeks), mean spend
of repeat purchases (0 where none). Imports and reading are left out of the seconds, but are in the peak memory.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

HORIZON_DAYS, LIFETIME_DAYS, YEARLY_RATE = 90, 1825, 0.10
_FITTED_ON = 10_000  # members; what is scored is measured, not the fit that it needs


def main(task: str, members: Path) -> None:
    """Prepare `task`, measure it and print what it took and found."""
    warnings.simplefilter("ignore")  # of the peers, about versions of their own dependencies
    columns = np.load(members)
    work = TASKS[task](columns)
    wall, cpu = time.perf_counter(), _cpu()
    found = work()
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": _cpu() - cpu, "peak_mb": _peak()}
    sys.stdout.write("\n" + json.dumps(took | {"found": found}) + "\n")


def _bgnbd(columns: np.ndarray) -> Callable[[], dict]:
    from membership.lifetimes.bgnbd import BgNbd

    features = _features(columns)
    return lambda: _natural(BgNbd.fit(features))


def _pareto_nbd(columns: np.ndarray) -> Callable[[], dict]:
    from membership.lifetimes.pareto import ParetoNbd

    features = _features(columns)
    return lambda: _natural(ParetoNbd.fit(features))


def _gamma_gamma(columns: np.ndarray) -> Callable[[], dict]:
    from membership.lifetimes.spend import GammaGamma

    features = _features(columns)
    return lambda: _natural(GammaGamma.fit(features))


def _score(columns: np.ndarray) -> Callable[[], dict]:
    """Purchases, P(alive), spend and residual value of every member; the mean of each is what it finds."""
    from membership.lifetimes.bgnbd import BgNbd
    from membership.lifetimes.spend import GammaGamma
    from membership.value import lifetime

    features = _features(columns)
    some = features.iloc[:_FITTED_ON]
    orders, spend = BgNbd.fit(some), GammaGamma.fit(some)

    def score() -> dict:
        return {
            "purchases": float(orders.expected_purchases(features, HORIZON_DAYS).mean()),
            "p_alive": float(orders.p_alive(features).mean()),
            "spend": float(spend.expected_spend(features).mean()),
            "residual": float(lifetime.residual(orders, spend, features, YEARLY_RATE, LIFETIME_DAYS).mean()),
        }

    return score


def _lifetimes_bgnbd(columns: np.ndarray) -> Callable[[], dict]:
    from lifetimes import BetaGeoFitter

    frequency, recency, age, _ = (pd.Series(column) for column in columns)
    return lambda: dict(BetaGeoFitter().fit(frequency, recency, age).params_)


def _lifetimes_gamma_gamma(columns: np.ndarray) -> Callable[[], dict]:
    from lifetimes import GammaGammaFitter

    frequency, _, _, mean = (pd.Series(column[columns[0] > 0]) for column in columns)
    return lambda: dict(GammaGammaFitter().fit(frequency, mean).params_)


def _pymc_bgnbd(columns: np.ndarray) -> Callable[[], dict]:
    from pymc_marketing.clv import BetaGeoModel

    data = _pymc(columns[:3], ("frequency", "recency", "T"))
    return lambda: _map(BetaGeoModel(), data)


def _pymc_gamma_gamma(columns: np.ndarray) -> Callable[[], dict]:
    from pymc_marketing.clv import GammaGammaModel

    data = _pymc(columns[[0, 3]][:, columns[0] > 0], ("frequency", "monetary_value"))
    return lambda: _map(GammaGammaModel(), data)


TASKS = {
    "bgnbd": _bgnbd,
    "gamma_gamma": _gamma_gamma,
    "pareto_nbd": _pareto_nbd,
    "score": _score,
    "lifetimes_bgnbd": _lifetimes_bgnbd,
    "lifetimes_gamma_gamma": _lifetimes_gamma_gamma,
    "pymc_bgnbd": _pymc_bgnbd,
    "pymc_gamma_gamma": _pymc_gamma_gamma,
}


def _features(columns: np.ndarray) -> pd.DataFrame:
    """Return the columns of table `features`, times in days."""
    frequency, recency, age, mean = columns
    spend = np.where(frequency > 0, mean, np.nan)
    named = {"frequency": frequency, "recency_days": 7 * recency, "age_days": 7 * age, "repeat_spend_mean": spend}
    return pd.DataFrame(named)


def _natural(model) -> dict:
    return dict(zip(model.estimate.names, map(float, model.estimate.values), strict=True))


def _pymc(columns: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    data = pd.DataFrame(dict(zip(names, columns, strict=True)))
    return data.assign(customer_id=np.arange(len(data)))


def _map(model, data: pd.DataFrame) -> dict:
    model.fit(data=data, method="map", progressbar=False)
    return {name: float(value) for name, value in model.fit_summary().items()}


def _cpu() -> float:
    """Return CPU seconds of this process and of the compilers that it started."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak() -> float:
    """Return the peak resident memory of this process, MB; `ru_maxrss` would start from its parent's."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
