"""A million random reads and writes in the names of three organisations and six people at once: no foreign row.

    python -m bench.isolation_soak --operations 1000000

Two web processes, a worker, PostgreSQL as `docent_app`, Valkey and a stand-in for the model server, all of their
own. People send requests by token and by cookie, talk over sockets and read streams; they go in the middle, name
colleagues', others' and missing things and send nonsense. Jobs read and write through the ORM and in SQL, fail,
are taken away, and run units of all organisations at once, some of them cancelled. Every organisation has a word
that stands in all of its rows and nowhere else: each answer, frame and row is looked through for others' words
and ids, must show its own where it has some, and must be refused where it names what is another's.

It prints the operations by kind (`http`, `socket`, `task`) with what came of them: for `http` the status or
`cancelled`; for `socket` what was heard; for `task` what was done; `job` counts the jobs' attempts, which are no
operations of their own. `violations` must be 0; each is printed with the operation and the seed, and the command
then exits with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path

import django

from bench.figures import circumstances
from bench.portal import model_server
from tests.environment import environment
from tests.processes import celery_worker, web_server

# Shares of the operations; the rest are the jobs'. They keep both cores busy to the end.
HTTP, SOCKETS = 0.07, 0.01
# Connections of each of the four processes: the tests' database server, whose runs share it, has sixty.
_POOL = "6"
JOBS_MODULE = "bench.soak.jobs"


def main() -> int:
    options = _parser().parse_args()
    with ExitStack() as stack:
        own = stack.enter_context(environment())
        variables = {**own.variables, "OLLAMA_HOST": stack.enter_context(model_server()), "DOCENT_DB_POOL": _POOL}
        os.environ.update(variables)
        django.setup()
        # Needs the addresses and the app registry, which the lines above fill.
        from bench.soak.run import Plan, set_scene, soak

        logs = options.logs or own.data
        urls = []
        for name in ("web1", "web2"):
            web = stack.enter_context(web_server(variables, logs / f"{name}.log"))
            urls.append(web.url)
        stack.enter_context(celery_worker(variables, logs / "worker.log", include=JOBS_MODULE))
        http, sockets = (round(options.operations * share) for share in (HTTP, SOCKETS))
        plan = Plan(seed=options.seed, tasks=options.operations - http - sockets, http=http, sockets=sockets)
        for name, value in circumstances().items():
            print(f"{name}: {value}")
        scene = set_scene(urls[0], plan.seed)
        seconds = asyncio.run(soak(scene, plan, urls, say=lambda line: print(line, file=sys.stderr, flush=True)))
    print(*scene.ledger.lines(seconds), sep="\n")
    return 1 if scene.ledger.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--operations", type=int, default=1_000_000, help="how many in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="of all random choices")
    parser.add_argument("--logs", type=Path, help="folder to keep the processes' logs in")
    return parser


if __name__ == "__main__":
    sys.exit(main())
