"""What server, workstation and tracking agree on: labels, frame file names, archives, settings, data sets.

The bottom of every import arrow. Everything here runs on the standard library, except `masks` (Pillow) and the
DICOM header reader in `dataset` (pydicom, imported where it is used): both install on every client, the iPad included.
"""
