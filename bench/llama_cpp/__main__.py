"""A real llama.cpp server drives Docent: `--server` is its program, the model is written here.

What the model says is always the same; server, protocol, numbers of tokens, window, slots and failures are real.
One line for each thing that was looked at; the exit code says whether all of it was right.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.llama_cpp.run import see_all
from bench.seen import print_all


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server", type=Path, required=True, help="the program llama-server")
    return print_all(see_all(options.parse_args().server))


if __name__ == "__main__":
    sys.exit(main())
