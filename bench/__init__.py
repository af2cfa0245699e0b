"""The figures that the README quotes, measured: `make bench`, or one alone by `python -m bench.memory`."""
