"""Interval timing: respond when a time has passed."""
