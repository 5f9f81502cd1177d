"""The mask server: keeps versions of masks, tracks them in worker processes, serves no picture of a patient."""
