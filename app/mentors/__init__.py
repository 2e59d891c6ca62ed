"""Trained volunteers who live with the condition themselves."""
