"""A newcomer's first hour, as pictures: see `bench.walk.__main__`."""
