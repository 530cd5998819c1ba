"""A hospital's own images: what lies at a path is recognised, listed, decoded once and packed."""
