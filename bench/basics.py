"""Ingestion, first token and memory on one Docent, the rate limit on one of two web processes."""

import sys

from bench import first_token, ingestion, memory, rate_limit
from bench.corpus import pdfs
from bench.figures import parser, report
from bench.portal import portal


def main() -> int:
    options = parser(__doc__).parse_args()
    with portal() as running:
        figures = [
            *ingestion.measure(running, pdfs(options.pdfs, options.pages)),
            *first_token.measure(running),
            *memory.measure(running),
        ]
    figures += rate_limit.measure()
    return report(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
