"""How a person arrives: received, then accepted, declined, redirected or withdrawn."""
