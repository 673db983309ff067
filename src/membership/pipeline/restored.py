"""Leave a run in MLflow for every stage whose outputs DVC restored rather than made, and say what came of it all.

DVC brings outputs back from its cache, or `dvc pull` from a remote, without running the stage, so nothing would be
logged. Such a run says `restored`, links the run that made the outputs (`restored_from`) and repeats its metrics.
`make repro` ends with this.
"""

import sys

from membership.base import graph
from membership.base.errors import ProjectError
from membership.pipeline import overview, published, track
from membership.report import pages
from membership.settings import params


def main() -> int:
    """Log the restored stages; return the exit status."""
    try:
        for node in graph.nodes():
            outs = graph.digests(node.outs, "sha256")
            last = track.latest(node.name)
            if outs and (last is None or not track.made(last, outs)):
                _log(node.name, outs)
        if published.stale():
            published.refresh()
        print(f"\n{overview.last_words()}")
    except ProjectError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _log(stage: str, outs: dict[str, str]) -> None:
    maker = track.latest(stage, outs)
    tags = {"restored": "true", "restored_from": maker.info.run_id if maker else "another machine"}
    run = track.StageRun(
        stage, params.load(stage).flat(), tags | {f"out/{name}": value for name, value in outs.items()}
    )
    run.log_metrics(pages.metrics(stage))
    run.finish(ok=True)
    print(f"stage {stage}: restored, not run; logged with a link to the run that made it.")


if __name__ == "__main__":
    sys.exit(main())
