"""What a mentee wants to change, and the steps on the way."""
