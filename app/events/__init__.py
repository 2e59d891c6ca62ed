"""What happened that matters to somebody outside: one log, read by everything that tells others."""
