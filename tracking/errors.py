"""Which ways can tracking fail, and with which code? Raised by every module here; shown by the command line and the
server's jobs.

Every error carries `code` (stable, for programs) and one plain sentence (for people). Neither ever holds a path, a UID
or a token: callers know which clip they asked about.
"""


class TrackingError(Exception):
    """Base of everything this package raises on purpose: `code` is a stable upper-case word, str(error) one
    sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Errors cross from worker processes to the server, so they must survive pickling."""
        return type(self), (self.code, str(self))


class ClipError(TrackingError):
    """The clip cannot be read: CLIP_MISSING, CLIP_EMPTY, CLIP_UNREADABLE, CLIP_TRUNCATED,
    CLIP_SIZES_DIFFER."""


class AnnotationsError(TrackingError):
    """The annotations do not fit: ANNOTATIONS_MISSING, ANNOTATIONS_UNREADABLE, METADATA_INVALID,
    FRAME_OUT_OF_RANGE, MASK_MISSING, MASK_WRONG_SIZE, MASK_WRONG_VALUES and the other codes of contracts.archive."""


class MethodError(TrackingError):
    """A flow method is unknown, broken or misbehaves: METHOD_UNKNOWN, METHOD_DUPLICATE, METHOD_RESULT."""


class OutputError(TrackingError):
    """The result cannot be written: OUTPUT_UNWRITABLE, OUTPUT_OCCUPIED."""


class Cancelled(TrackingError):
    """The caller asked to stop; nothing was published and the previous result, if any, is untouched."""

    def __init__(self, code: str = "CANCELLED", message: str = "Tracking was cancelled.") -> None:
        super().__init__(code, message)
