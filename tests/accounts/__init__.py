"""Signing in, accounts and machine clients."""
