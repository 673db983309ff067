"""What `benchmarks.kernels` compares: `python -m benchmarks.kernel_probes NAME ...` prints hashes as JSON."""

import hashlib
import json
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Results = dict[str, Any]


def hashes(names: list[str]) -> dict[str, str]:
    """Return a hash of the bits of every result of the probes `names`, by `probe: result`."""
    return {f"{name}: {key}": _hash(value) for name in names for key, value in PROBES[name]().items()}


def _hash(value: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def math_functions() -> Results:
    """Python's own functions, which are those of the C library."""
    x = [number / 997 + 0.001 for number in range(20_000)]
    names = ("exp", "log", "log1p", "expm1", "sin", "tan", "atan", "sinh", "lgamma", "gamma", "erf")
    return {name: [getattr(math, name)(v) for v in x] for name in names} | {"pow": [v**1.7 for v in x]}


def numpy_functions() -> Results:
    """Functions of single numbers."""
    x = _rng().normal(scale=3, size=20_001)
    above = np.abs(x) + 0.1
    found = {name: getattr(np, name)(x) for name in ("exp", "expm1", "tanh", "sin", "arctan")}
    found |= {name: getattr(np, name)(above) for name in ("log", "log1p", "log2", "sqrt")}
    single = above.astype(np.float32)
    return found | {"power": above**1.7, "exp, single": np.exp(single), "log, single": np.log(single)}


def numpy_sums() -> Results:
    """Sums and what is made of them."""
    x = _rng().lognormal(size=(301, 333))
    found = {f"{name} {axis}": getattr(x, name)(axis) for name in ("sum", "mean", "var") for axis in (None, 0, 1)}
    return found | {"single": x.astype(np.float32).sum(), "cumsum": x.cumsum(), "einsum": np.einsum("ij,kj->ik", x, x)}


def numpy_sorting() -> Results:
    """The order of equal numbers, which only a stable sort defines."""
    x = _rng().integers(0, 50, 20_000)
    return {"argsort": np.argsort(x), "argpartition": np.argpartition(x, 100), "stable": np.argsort(x, kind="stable")}


def numpy_algebra() -> Results:
    """Products and factorisations of OpenBLAS."""
    r, found = _rng(), {}
    for size in (3, 17, 64, 257):
        a, b = r.normal(size=(size, size + 5)), r.normal(size=(size + 5, size))
        found |= {f"product {size}": a @ b, f"single {size}": a.astype(np.float32) @ b.astype(np.float32)}
        found |= {f"vector {size}": a @ b[:, 0], f"square {size}": a @ a.T}
    tall, long = r.normal(size=(5001, 20)), r.normal(size=100_003)
    square = tall.T @ tall
    found |= {
        "dot": long @ long,
        "tall": square,
        "solve": np.linalg.solve(square, tall[0]),
        "inv": np.linalg.inv(square),
    }
    found |= {f"eigh {i}": part for i, part in enumerate(np.linalg.eigh(square))}
    found |= {f"svd {i}": part for i, part in enumerate(np.linalg.svd(tall[:300], full_matrices=False))}
    return found | {"cholesky": np.linalg.cholesky(square), "lstsq": np.linalg.lstsq(tall, long[:5001])[0]}


def pandas_frames() -> Results:
    """Groups, windows and ranks."""
    import pandas as pd

    r = _rng()
    frame = pd.DataFrame({"k": r.integers(0, 9, 30_011), "x": r.lognormal(size=30_011)})
    groups, x = frame.groupby("k")["x"], frame["x"]
    found = {f"groups, {name}": getattr(groups, name)() for name in ("sum", "mean", "std")}
    found |= {name: getattr(x, name)() for name in ("mean", "var", "skew", "rank")}
    return found | {"rolling": x.rolling(7).mean(), "corr": frame.corr(), "quantile": x.quantile([0.1, 0.5])}


def scipy_functions() -> Results:
    """Special functions and distributions."""
    from scipy import special, stats

    x = np.abs(_rng().normal(size=5001)) + 0.1
    found = {name: getattr(special, name)(x) for name in ("gammaln", "digamma", "expit", "erf", "ndtr")}
    found |= {"betainc": special.betainc(x, x[::-1], 0.3), "hyp2f1": special.hyp2f1(x, 1.3, 2.2, 0.3)}
    found |= {"logsumexp": special.logsumexp(np.outer(x[:99], x[:99]), axis=1), "ndtri": special.ndtri(x / x.max())}
    return found | {"t": stats.t.sf(x, 30), "gamma": stats.gamma.ppf(x / x.max() / 1.01, 2.5)}


def scipy_solvers() -> Results:
    """Linear algebra, sparse products, optimisation and integer programmes."""
    from scipy import linalg, optimize, sparse

    r = _rng()
    m, x = r.normal(size=(501, 20)), np.abs(r.normal(size=400)) + 0.1
    square, many = m.T @ m, sparse.random(300, 300, 0.1, random_state=1, format="csr")
    budget = optimize.LinearConstraint(x[60:120], 0, 9)
    whole = optimize.milp(-x[:60], integrality=np.ones(60), bounds=optimize.Bounds(0, 1), constraints=budget)
    shares = optimize.linprog(-x[:60], A_ub=x[60:360].reshape(5, 60), b_ub=np.full(5, 9), bounds=(0, 1))
    climbed = optimize.minimize(lambda w: ((m @ w - 1) ** 4).mean() + w @ w, np.zeros(20), method="L-BFGS-B")
    walked = optimize.minimize(optimize.rosen, [1.3, 0.7, 0.8], method="Nelder-Mead")
    found = {"cholesky": linalg.cho_solve(linalg.cho_factor(square), m[0]), "lu": linalg.lu_factor(square)[0]}
    found |= {"svd": linalg.svdvals(m), "sparse": (many @ many.T).toarray(), "integers": whole.x, "linear": shares.x}
    root = optimize.brentq(lambda t: np.exp(t) - 5, 0, 9)
    return found | {"L-BFGS": climbed.x, "Nelder-Mead": walked.x, "brentq": root}


def torch_functions() -> Results:
    """Functions and sums that the pins hold."""
    import torch

    torch.manual_seed(0)
    x = torch.rand(4097) * 9 + 0.01
    found = {"uniform": x, "normal": torch.randn(1000), "order": torch.randperm(1000)}
    for name in ("exp", "log", "log1p", "expm1", "tanh", "sigmoid", "erf", "lgamma"):
        function = getattr(torch, name)
        found |= {name: function(x), f"{name}, double": function(x.double())}
    table = x[:4096].reshape(64, 64)
    found |= {f"{name} {axis}": getattr(table, name)(dim=axis) for name in ("sum", "mean", "std") for axis in (0, 1)}
    return found | {"softmax": table.softmax(1), "topk of ties": table.round().topk(10, dim=1).indices}


def torch_roots() -> Results:
    """Functions that begin with the processor's own approximation of a root or a quotient: no pin holds them."""
    import torch

    torch.manual_seed(0)
    x = torch.rand(4097) * 9 + 0.01
    return {name: getattr(torch, name)(x) for name in ("sqrt", "atan")} | {"tan, double": torch.tan(x.double())}


def torch_training() -> Results:
    """Twenty steps of the network of `recommend.train`: products, dropout, gradients and a fused AdamW."""
    import torch

    torch.manual_seed(0)
    hidden = [torch.nn.Linear(30, 64), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(64, 32), torch.nn.ReLU()]
    network = torch.nn.Sequential(*hidden, torch.nn.Linear(32, 1))
    steps = torch.optim.AdamW(network.parameters(), lr=0.01, fused=True)
    x = torch.randn(1024, 30)
    wanted = (x[:, :1] + x[:, 1:2] ** 2 > 0.5).float()
    for _ in range(20):
        steps.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(x), wanted).backward()
        steps.step()
    products = {f"product {n}": torch.randn(n, 40) @ torch.randn(40, 2 * n) for n in (3, 64, 257)}
    solved = torch.linalg.solve((x.T @ x).double(), torch.ones(30).double())
    return {name: weights.detach() for name, weights in network.named_parameters()} | products | {"solve": solved}


def scikit_learn() -> Results:
    """Boosted trees, regressions, clusters and components."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.mixture import GaussianMixture

    r = _rng()
    x = r.normal(size=(3000, 10))
    y = x[:, 0] + x[:, 1] ** 2 + r.normal(size=3000)
    poisson = HistGradientBoostingRegressor(max_iter=20, random_state=0, loss="poisson").fit(x, np.exp(y / 3))
    newton = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(x, y > 0)
    found = {"trees": HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(x, y).predict(x)}
    found |= {"trees, Poisson": poisson.predict(x), "logistic": LogisticRegression().fit(x, y > 0).coef_}
    found |= {"logistic, Newton": newton.coef_, "k-means": KMeans(5, n_init=2, random_state=0).fit(x).cluster_centers_}
    mixture = GaussianMixture(3, random_state=0, max_iter=20).fit(x)
    return found | {"mixture": mixture.means_, "components": PCA(4, random_state=0).fit_transform(x)}


def pyarrow_arrays() -> Results:
    """Sums and functions of columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    r = _rng()
    x, k = pa.array(r.lognormal(size=20_011)), pa.array(r.integers(0, 9, 20_011))
    groups = pa.table({"k": k, "x": x}).group_by("k", use_threads=False).aggregate([("x", "sum"), ("x", "mean")])
    found = {name: getattr(pc, name)(x).as_py() for name in ("sum", "mean", "variance")}
    found |= {name: getattr(pc, name)(x).to_numpy() for name in ("exp", "ln", "cumulative_sum")}
    return found | {name: groups.sort_by("k")[name].to_numpy() for name in ("x_sum", "x_mean")}


def _duckdb(questions: dict[str, str]) -> Results:
    import duckdb
    import pandas as pd

    r, con = _rng(), duckdb.connect()
    con.register("f", pd.DataFrame({"k": r.integers(0, 9, 300_011), "x": r.lognormal(size=300_011)}))
    return {name: con.execute(text).fetchdf().to_numpy(dtype=float) for name, text in questions.items()}


def duckdb_integers() -> Results:
    """Sums and means of integers, as money is stored, and functions of single numbers."""
    return _duckdb(
        {
            "sum": "select k, sum(cast(x * 100 as bigint)) from f group by k order by k",
            "mean": "select k, avg(cast(x * 100 as bigint)) from f group by k order by k",
            "functions": "select exp(-x), ln(x), sqrt(x), pow(x, 1.7) from f",
            "quantile": "select quantile_cont(x, 0.3), median(x) from f",
        }
    )


def duckdb_doubles() -> Results:
    """Sums of doubles, whose order threads decide: no pin holds them, so no stage takes any."""
    return _duckdb({name: f"select {name}(x) from f" for name in ("sum", "avg", "stddev")})


PROBES: dict[str, Callable[[], Results]] = {
    probe.__name__.replace("_", " "): probe
    for probe in (
        math_functions, numpy_functions, numpy_sums, numpy_sorting, numpy_algebra, pandas_frames, scipy_functions,
        scipy_solvers, torch_functions, torch_roots, torch_training, scikit_learn, pyarrow_arrays, duckdb_integers,
        duckdb_doubles,
    )
}  # fmt: skip

if __name__ == "__main__":
    sys.stdout.write(json.dumps(hashes(sys.argv[1:] or list(PROBES))))
