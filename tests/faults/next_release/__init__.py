"""What a release to come may do to the schema while this one runs: add what nobody here knows of."""
