"""One contract year of the pilot, played through the service's own HTTP doors by made-up people."""
