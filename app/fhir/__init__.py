"""The GP systems' door; the only folder that says FHIR."""
