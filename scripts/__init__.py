"""Tools of the project itself; nothing here runs in the service."""
