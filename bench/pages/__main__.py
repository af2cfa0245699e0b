"""A real portal in a real Chromium: first paint, streaming, layout shift, a first visit, the server's times."""

import asyncio
import sys

from bench.figures import parser, report
from bench.pages.run import measure


def main() -> int:
    options = parser(__doc__).parse_args()
    return report(asyncio.run(measure()), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
