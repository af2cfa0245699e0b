"""Random reads and writes of several organisations at once, each answer checked: see `bench.isolation_soak`."""
