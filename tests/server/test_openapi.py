"""The contract that the server serves: complete, true, and used to attack every route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.app import make_app
from server.openapi import document
from tests.helpers.clips import rectangle, submission, uids
from tests.helpers.server_process import ServerProcess
from tests.server.conftest import StartServer

EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

SAVES = st.builds(
    lambda frame, empty, previous: submission(
        uids(0), previous, {frame: rectangle(3, 3, 30, 30)} if frame is not None else {}, empty=empty
    ),
    st.none() | st.integers(0, 12),
    st.lists(st.integers(0, 9), max_size=3).map(tuple),
    st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
)
"""Archives that are right, or nearly."""

schemathesis.openapi.media_type("application/gzip", SAVES | st.binary(max_size=2000))


def test_the_document_and_the_routes_are_the_same(start_server: StartServer) -> None:
    running, _ = start_server()
    routes = {(re.sub(r"<(\w+)>", r"{\1}", r.rule), r.method) for r in make_app(running.services).routes}
    documented = {
        (path, method.upper()) for path, operations in document("0")["paths"].items() for method in operations
    }
    assert routes == documented


def test_every_reference_leads_somewhere() -> None:
    whole = document("0")
    names = set(re.findall(r"#/components/schemas/(\w+)", str(whole)))
    assert names == set(whole["components"]["schemas"])


@pytest.fixture(scope="module")
def known(live: tuple[ServerProcess, str]) -> tuple[ServerProcess, dict[str, Any]]:
    """The live server and its document, with the one real series offered as an example."""
    server, _ = live
    whole = server.get("/api/openapi.json").json()
    return server, whole


def attacks() -> Iterator[tuple[str, str, bool]]:
    """(path, method, whether it goes to the series that exists)."""
    for path, methods in document("0")["paths"].items():
        if path != "/api/events":  # a stream never ends: test_events.py
            for method in methods:
                yield path, method, False
                if "{study}" in path:
                    yield path, method, True


@pytest.mark.parametrize(("path", "method", "is_real"), list(attacks()))
def test_no_route_breaks(known: tuple[ServerProcess, dict[str, Any]], path: str, method: str, is_real: bool) -> None:
    server, whole = known
    schema = schemathesis.openapi.from_dict(whole)
    operation = schema[path][method.upper()]
    strategy = operation.as_strategy()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def attack(case: Any) -> None:
        if is_real:
            case.path_parameters = dict(zip(("study", "series"), uids(0), strict=True))
        response = case.call(base_url=server.address, headers=dict(server.headers), timeout=20)
        case.validate_response(response, checks=CHECKS)

    attack()
