"""How is the motion between two pictures found, and which ways are there? Asked by motion.py and the command line.

A method is chosen by name (`FLOW_METHOD`, `--flow-method`). There are two kinds:
- a *flow method* finds the motion between two neighbouring pictures; everything else (composing, blending, doubt)
  stays ours;
- a *clip tracker* (a SAM-2-like model) carries masks through a clip by itself.
A lab adds its own in a package of its own: see hookspecs.py.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
import numpy.typing as npt

from tracking.clip import Clip
from tracking.errors import MethodError

Flow = npt.NDArray[np.float32]
"""(height, width, 2), float32: x then y displacement in pixels, for each pixel of the *first* picture of a pair."""

Grey = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]


@runtime_checkable
class FlowMethod(Protocol):
    """Motion between two pictures. `version` changes when results change, so that kept flow is computed again."""

    name: str
    version: str

    def compute(self, previous: Grey, following: Grey, init: Flow | None = None) -> Flow:
        """Where each pixel of `previous` lies in `following`, as displacement in pixels.

        Both pictures are uint8 (height, width); `init` is a first guess of the same shape as the result. Must be
        deterministic.
        """
        ...


@runtime_checkable
class ClipTracker(Protocol):
    """Carries one label's masks through a clip by itself."""

    name: str
    version: str

    def track_label(
        self, clip: Clip, annotated: Mapping[int, Mask], wanted: Sequence[range], cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, Mask, float]]:
        """Yield (frame_number, mask, confidence 0..1) for every frame of the `wanted` ranges, in order.

        `annotated`: frame_number → uint8 (height, width) mask of 0 and 255, all zero where a person saw that there is
        nothing. Stop early when `cancelled()` is true.
        """
        ...


class DisFlow:
    """Dense inverse search (OpenCV, medium preset): the default, 6 ms a pair at 320×240 on one core."""

    name = "dis"
    version = "1"

    def __init__(self) -> None:
        self._solver = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def compute(self, previous: Grey, following: Grey, init: Flow | None = None) -> Flow:
        if init is None:
            # OpenCV takes None here; its type stub does not say so.
            found = self._solver.calc(previous, following, None)  # type: ignore[call-overload]
        else:
            found = self._solver.calc(previous, following, np.array(init, np.float32))
        return np.asarray(found, np.float32)


class FarnebackFlow:
    """Farnebäck's polynomial expansion (OpenCV): smoother and blinder to large motion than DIS; kept for comparison."""

    name = "farneback"
    version = "1"

    def compute(self, previous: Grey, following: Grey, init: Flow | None = None) -> Flow:
        start = (
            np.zeros((*previous.shape, 2), np.float32)
            if init is None
            else np.ascontiguousarray(init, np.float32).copy()
        )
        flags = 0 if init is None else cv2.OPTFLOW_USE_INITIAL_FLOW
        found = cv2.calcOpticalFlowFarneback(previous, following, start, 0.5, 4, 21, 3, 7, 1.5, flags)
        return np.asarray(found, np.float32)


def flow_between(method: FlowMethod, previous: Grey, following: Grey, init: Flow | None = None) -> Flow:
    """`method.compute` with its promise checked. Raises MethodError METHOD_RESULT when a plugin breaks it."""
    small = min(previous.shape) < MINIMAL_SIDE
    if small:
        # DIS and Farnebäck need a few patches to start from; so small a picture is padded and the result cut back.
        pad = [(0, max(0, MINIMAL_SIDE - side)) for side in previous.shape]
        height, width = previous.shape
        flow = flow_between(method, np.pad(previous, pad, "edge"), np.pad(following, pad, "edge"))
        return np.ascontiguousarray(flow[:height, :width])
    flow = method.compute(previous, following, init)
    if not isinstance(flow, np.ndarray) or flow.shape != (*previous.shape, 2) or not np.isfinite(flow).all():
        raise MethodError(
            "METHOD_RESULT", f"The flow method {method.name} returned no finite flow of the picture's size."
        )
    return flow.astype(np.float32, copy=False)


MINIMAL_SIDE = 32


def find_method(name: str) -> FlowMethod | ClipTracker:
    """The method of that name, built-in or from a plugin. Raises MethodError METHOD_UNKNOWN that lists the known
    names."""
    factories = method_factories()
    if name not in factories:
        raise MethodError("METHOD_UNKNOWN", f"There is no flow method {name!r}. Known: {', '.join(sorted(factories))}.")
    method = factories[name]()
    if not isinstance(method, FlowMethod | ClipTracker):
        raise MethodError("METHOD_RESULT", f"The plugin's method {name!r} is neither a flow method nor a clip tracker.")
    return method


def method_factories() -> dict[str, Callable[[], FlowMethod | ClipTracker]]:
    """Every known method's factory by name. A plugin may replace a built-in one; two plugins may not claim one name."""
    from tracking.hookspecs import plugin_methods

    return {DisFlow.name: DisFlow, FarnebackFlow.name: FarnebackFlow, **plugin_methods()}
