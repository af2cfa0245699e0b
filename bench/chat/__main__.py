"""Many people at once: conversations saved, retrieval on, over WebSockets, a model at a given pace.

The model's stand-in and the people run on the same machine. A hundred people with two questions each, who come
over ten seconds; the same hundred in one instant; three hundred over half a minute with a slower model; and what
sockets cost that are only held. There are as many web processes as cores, unless `--workers` says otherwise.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import replace

from bench.chat.run import CROWDS, FULL, SMALL, measure
from bench.figures import parser, report


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--small", action="store_true", help="a few people: half a minute")
    options.add_argument("--workers", type=int, metavar="N", help="web processes")
    options.add_argument("--crowd", choices=CROWDS, help="this one alone")
    given = options.parse_args()
    sizes = SMALL if given.small else FULL
    if given.workers:
        sizes = replace(sizes, workers=given.workers)
    # What is started from here inherits it: a socket is a file.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return report(measure(sizes, given.crowd), as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
