"""Tests of what every part of the service builds on."""
