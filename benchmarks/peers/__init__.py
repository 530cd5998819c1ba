"""What peers' secure aggregation does, by their own code, each in an environment of its own."""
