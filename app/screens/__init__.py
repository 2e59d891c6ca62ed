"""Answers made for one screen of a frontend in one request."""
