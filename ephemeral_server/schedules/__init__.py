"""Schedules: when a deployment is to run."""
