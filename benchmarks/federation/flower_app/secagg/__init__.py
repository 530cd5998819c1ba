"""One round of Flower's SecAgg+, as an app of its deployment engine."""
