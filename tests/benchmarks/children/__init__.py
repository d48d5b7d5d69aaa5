"""Programs that are measured as whole fresh interpreters. Each imports no more than it needs."""
