"""Tests of how a person arrives."""
