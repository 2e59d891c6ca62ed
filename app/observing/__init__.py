"""How the service fares, as a monitoring system sees it."""
