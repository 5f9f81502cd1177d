"""Which signal ends a process as a crash would? Windows knows one way to end another process, and it is that."""

from __future__ import annotations

import signal

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
