"""PostgreSQL, an MLflow server and Spark as processes of this machine, each with its health check: `make cluster`.

They listen on 127.0.0.1 alone and keep what they hold in `.cluster/`; Ctrl-C ends them all. `--only postgres,mlflow`
starts some, `--check` ends them as soon as all are healthy. What a managed cluster takes instead: README of `base`.
"""

import argparse
import importlib.util
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from membership.base import paths
from membership.base.errors import ParamError, ProjectError
from membership.pipeline import local_postgres, service
from membership.pipeline.service import Service

FOLDER = ".cluster"
POSTGRES, MLFLOW, SPARK, SPARK_PAGE, WORKER_PAGE = 5433, 5050, 7077, 8090, 8091  # ports
DATABASES = ("tune", "mlflow")
HERE = "127.0.0.1"
MASTER = f"spark://{HERE}:{SPARK}"
EVERY = 10  # seconds between two looks at the health of all


def main() -> None:
    """Start what is asked for, say how to use it, and watch it until it ends or is ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--check", action="store_true", help="end as soon as all are healthy")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # else what was started would go on
    try:
        run(given.only.split(","), given.check)
    except KeyboardInterrupt:
        print("\nEnded; what it holds stays in .cluster/.")
    except ProjectError as error:
        sys.exit(str(error))


def run(parts: list[str], check: bool) -> None:
    """Run `parts`, in the order of PARTS. Raises ProjectError where one is not there, or does not stay healthy."""
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise ParamError(f"--only {', '.join(unknown)}: allowed: {', '.join(PARTS)}.")
    folder, watched = paths.checkout() / FOLDER, []
    with ExitStack() as started:
        for name in (part for part in PARTS if part in parts):
            (folder / name).mkdir(parents=True, exist_ok=True)
            watched += started.enter_context(PARTS[name](folder / name))
            print(f"{name}: healthy. {USE[name]}", flush=True)
        while not check:
            time.sleep(EVERY)
            ill = [f"{one.name} (see {one.log})" for one in watched if not one.healthy()]
            if ill:
                raise ProjectError(f"no longer healthy: {', '.join(ill)}. All are ended; start them again.")


@contextmanager
def _postgres(folder: Path) -> Iterator[list[Service]]:
    with local_postgres.running(folder, POSTGRES, DATABASES) as server:
        yield [server]


@contextmanager
def _mlflow(folder: Path) -> Iterator[list[Service]]:
    """Serve MLflow on PostgreSQL where that runs, else on a file of its own."""
    here = service.taken(POSTGRES)
    store = local_postgres.url(POSTGRES, "mlflow") if here else f"sqlite:///{folder}/mlflow.db"
    command = [sys.executable, "-m", "mlflow", "server", "--host", HERE, "--port", str(MLFLOW), "--workers", "1"]
    command += ["--backend-store-uri", store, "--artifacts-destination", (folder / "artifacts").as_uri()]
    healthy = _answers(f"http://{HERE}:{MLFLOW}/health", lambda said: said == "OK")
    server = Service("MLflow", command, healthy, folder / "mlflow.log", MLFLOW)
    with service.running(server):
        yield [server]


@contextmanager
def _spark(folder: Path) -> Iterator[list[Service]]:
    """Serve a master and one worker on all cores."""
    found = importlib.util.find_spec("pyspark")
    if found is None:
        raise ProjectError("Spark is not installed: pip install -e '.[spark]', and Java 17; or leave it out by --only.")
    home = Path(found.origin).parent
    environment = {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": HERE}
    start = ["bash", str(home / "bin" / "spark-class"), "org.apache.spark.deploy."]
    page = f"http://{HERE}:{SPARK_PAGE}/json/"

    def one(name: str, log: str, port: int, healthy: Callable[[dict], bool], *more: str) -> Service:
        command = [*start[:2], f"{start[2]}{name}", "--host", HERE, "--webui-port", str(port), *more]
        asked = _answers(page, lambda said: healthy(json.loads(said)))
        return Service(f"Spark's {log}", command, asked, folder / f"{log}.log", port, environment)

    master = one("master.Master", "master", SPARK_PAGE, lambda said: said["status"] == "ALIVE", "--port", str(SPARK))
    work = ["--work-dir", str(folder), "--cores", str(os.cpu_count()), "--memory", "2g", MASTER]
    worker = one("worker.Worker", "worker", WORKER_PAGE, lambda said: said["aliveworkers"] > 0, *work)
    with service.running(master), service.running(worker):
        yield [master, worker]


def _answers(url: str, right: Callable[[str], bool]) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as said:
                return right(said.read().decode())
        except (urllib.error.URLError, OSError):
            return False

    return asked


PARTS = {"postgres": _postgres, "mlflow": _mlflow, "spark": _spark}
USE = {  # what to do with each
    "postgres": f"export PGPASSWORD=$(cat {FOLDER}/postgres/password); tune.storage: "
    + local_postgres.url(POSTGRES, "tune"),
    "mlflow": f"export MLFLOW_TRACKING_URI=http://{HERE}:{MLFLOW}",
    "spark": f"engine: {{name: spark, spark: {{url: '{MASTER}'}}}}; its page: http://{HERE}:{SPARK_PAGE}",
}


if __name__ == "__main__":
    main()
