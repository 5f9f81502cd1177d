"""The workstation core (no window) and the shells around it. Importing this package imports nothing else."""
