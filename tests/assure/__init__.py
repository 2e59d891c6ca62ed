"""Proofs that take real processes, real kills and many rows: short forms in every run, long forms by `make assure`."""
