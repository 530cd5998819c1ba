"""Programs for those who change tff_health."""
