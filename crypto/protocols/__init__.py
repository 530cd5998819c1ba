"""The protocols, a folder each."""
