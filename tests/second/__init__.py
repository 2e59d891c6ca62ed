"""Tests with more than one server: a pooler before the database, a replica beside it."""
