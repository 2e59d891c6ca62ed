"""How confident a person is in managing their own health, measured at the start and at the end."""
