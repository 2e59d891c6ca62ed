"""What changed for the people the service worked with, in figures a commissioner can check."""
