"""What server, workstation and tracking agree on: labels, frame file names, archives, settings, data sets.

The bottom of every import arrow. Everything here runs on the standard library, except `masks` (Pillow), the
DICOM header reader in `dataset` (pydicom, imported where it is used) and `mdai_client` (requests): all of them install
on every client, the iPad included. MD.ai's SDK is imported by the process that `mdai_sdk` starts, and by no other.
"""
