"""Keeping what is entrusted to the service: backups and restores, upgrades, and the doctor who looks after it."""
