"""How fast the service is, measured against a plain baseline on the same server; never part of the service."""
