"""Variables: small values that flows and jobs read by name."""
