"""Carries a few annotated masks through a whole clip. Importing this package imports nothing else."""
