"""A peer support programme: its condition, contract years, rules and settings."""
