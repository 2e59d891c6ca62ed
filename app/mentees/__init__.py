"""One episode of support for one person, from acceptance to ending."""
