"""Two hundred calls of one person at one instant over two web processes: how many more pass than the bucket holds.

The calls' connections are open before, so that only the calls themselves fall into the instant. What passes
beyond the bucket is what refilled it while the processes noticed the calls: one for a fifth of a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from bench.figures import Figure, parser, report
from bench.portal import Portal, portal

CALLS = 200
RATE = 5
BURSTS = 5
_UNTIL_FULL = 1.5


def measure() -> Iterable[Figure]:
    """The figure of the worst of five bursts."""
    with portal(workers=2, rate=RATE) as running:
        bursts = [asyncio.run(_burst(running)) for _ in range(BURSTS)]
    yield Figure(
        name=f"Calls beyond the bucket of {RATE} that passed, of {CALLS} at one instant, the worst of {BURSTS}",
        value=max(passed for passed, _ in bursts) - RATE,
        unit="calls",
        target=1,
        details={
            "fewest that passed, calls": min(passed for passed, _ in bursts),
            "until the slowest answer, ms": 1000 * max(seconds for _, seconds in bursts),
        },
    )


async def _burst(running: Portal) -> tuple[int, float]:
    """How many calls passed, and the seconds until the last was answered."""
    address = urlsplit(running.url)
    opened = [await asyncio.open_connection(address.hostname, address.port) for _ in range(CALLS)]
    await asyncio.sleep(_UNTIL_FULL)
    request = (
        f"GET /api/v1/me/ HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        f"Authorization: Bearer {running.token}\r\n\r\n"
    )

    async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1])

    begun = time.perf_counter()
    for _, writer in opened:
        writer.write(request.encode())
    statuses = await asyncio.gather(*(status(*pair) for pair in opened))
    return statuses.count(200), time.perf_counter() - begun


def main() -> int:
    options = parser(__doc__).parse_args()
    return report(measure(), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
