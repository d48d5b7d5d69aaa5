"""Deployments: flows that can be run from afar."""
