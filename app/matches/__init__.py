"""A mentor beside a mentee: offered, accepted, confirmed, ended."""
