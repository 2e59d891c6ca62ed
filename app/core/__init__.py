"""What every part of the service stands on; it knows nothing about mentoring."""
