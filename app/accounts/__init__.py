"""People who sign in and machine clients."""
