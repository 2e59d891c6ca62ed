"""What was done and what was read, by whom; kept apart from the values, which can be erased."""
