"""The groups of settings, one class each; a field carries all that is known of its setting."""
