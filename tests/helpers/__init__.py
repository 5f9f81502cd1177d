"""Helpers of tests in every area."""
