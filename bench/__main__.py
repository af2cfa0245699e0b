"""All figures, on one Docent: ingestion, then first token, then memory."""

import sys

from bench import first_token, ingestion, memory
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
    return report(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
