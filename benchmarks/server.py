"""How does the server do under load? `python benchmarks/server.py` measures what SPEC 13 and issue 4 budget for it.

Four measurements, each with a real server process and its workers: the start (bare and with 500 series), saves until
their masks are served, 50 live streams with 16 clients that fetch masks and ping, and memory while two series are
tracked. Clients run in a process of their own and share the machine with the server. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from server.auth import make_token
from tests.helpers.clips import rectangle, submission, uids, write_clip, write_dataset
from tests.helpers.server_process import ServerProcess

WIDTH, HEIGHT, FRAMES = 640, 480, 150
STREAMS, FETCHERS = 50, 16


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(values: list[float]) -> dict[str, float]:
    found = {"p50": statistics.median(values), "p99": percentile(values, 0.99), "worst": max(values)}
    return {name: round(value * 1000, 1) for name, value in found.items()} | {"count": len(values)}


def measure_start(directory: Path, series: int) -> dict[str, float]:
    """Seconds from starting the process until the address is printed, /api/status answers and the index is there."""
    template = write_clip(directory / "one.avi")
    for number in range(series):
        study, uid = uids(number)
        (directory / "clips" / study).mkdir(parents=True)
        os.link(template, directory / "clips" / study / f"{uid}.avi")
    (directory / "clips").mkdir(exist_ok=True)
    server = ServerProcess(directory, DATASET="folder:clips")
    began = time.monotonic()
    server.start()
    printed = time.monotonic() - began
    server.get("/api/status")
    answered = time.monotonic() - began
    try:
        server.wait_for("/api/status", lambda s: s["phase"] in ("tracking", "ready"))
        indexed = time.monotonic() - began
    finally:
        server.stop()
    return {"bound": round(printed, 3), "status_answers": round(answered, 3), "indexed": round(indexed, 3)}


def measure_saves(server: ServerProcess, key: tuple[str, str], rounds: int) -> dict[str, float]:
    """Seconds from the start of a save's request until a GET gives its masks, flow being kept."""
    path = "/api/masks/" + "/".join(key)
    seconds: list[float] = []
    accepted: list[float] = []
    for number in range(rounds):
        current = server.get("/api/series/" + "/".join(key)).json()["version_id"]
        body = submission(
            key, current, {n: rectangle(100 + number, 100, 300 + n, 300, WIDTH, HEIGHT) for n in (0, 50, 100, 149)}
        )
        began = time.monotonic()
        answer = server.post(path, data=body, headers={"X-Previous-Version-ID": current or "null"})
        accepted.append(time.monotonic() - began)
        version = answer.json()["version_id"]
        while server.get(path).headers.get("X-Version-ID") != version:
            time.sleep(0.01)
        seconds.append(time.monotonic() - began)
    return {"accepted": milliseconds(accepted), "served": milliseconds(seconds)}


def _client_process(address: str, tokens: list[str], path: str, series: str, seconds: float, out: Any) -> None:
    """50 streams, 16 fetchers at two archives a second each, 50 pings each three seconds (ten times the real rate)."""
    stop = threading.Event()
    fetches: list[float] = []
    pings: list[float] = []
    events: list[int] = []

    def stream(token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with requests.get(f"{address}/api/events", headers=headers, stream=True, timeout=60) as answer:
            events.append(0)
            for line in answer.iter_lines(chunk_size=512):
                if line.startswith(b"data"):
                    events[0] += 1
                if stop.is_set():
                    return

    def repeat(token: str, url: str, pause: float, into: list[float], method: str) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"
        stop.wait(pause * hash(token) % 1000 / 1000)
        while not stop.is_set():
            began = time.perf_counter()
            answer = session.request(method, url, timeout=60)
            answer.raise_for_status()
            into.append(time.perf_counter() - began)
            stop.wait(pause)

    threads = [threading.Thread(target=stream, args=(token,)) for token in tokens[:STREAMS]]
    threads += [
        threading.Thread(target=repeat, args=(token, address + path, 0.5, fetches, "GET"))
        for token in tokens[:FETCHERS]
    ]
    ping = f"{address}/api/series/{series}/activity"
    threads += [threading.Thread(target=repeat, args=(token, ping, 3.0, pings, "POST")) for token in tokens[:STREAMS]]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join(20)
    out.put({"fetch_ms": milliseconds(fetches), "ping_ms": milliseconds(pings), "events_received": events[0]})


def measure_load(
    server: ServerProcess, tokens: list[str], keys: list[tuple[str, str]], seconds: float
) -> dict[str, Any]:
    """Latencies of fetches and pings with everybody connected."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    paths = "/api/masks/" + "/".join(keys[0]), "/".join(keys[1])
    client = context.Process(target=_client_process, args=(server.address, tokens, *paths, seconds, out))
    client.start()
    result: dict[str, Any] = out.get(timeout=seconds + 60)
    client.join()
    return {**result, "archive_kb": round(len(server.get(paths[0]).content) / 1024)}


class Memory:
    """The most memory (PSS: shared pages counted once) of a process and its children, looked at ten times a second."""

    def __init__(self, process_id: int) -> None:
        self.most = 0
        self._process = psutil.Process(process_id)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            total = 0
            for process in (self._process, *self._process.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.most = max(self.most, total)

    def megabytes(self) -> int:
        self._stop.set()
        self._thread.join()
        return round(self.most / (1 << 20))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="length of the load")
    seconds = parser.parse_args().seconds
    report: dict[str, Any] = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        report["start_empty_s"] = measure_start(root / "empty", 0)
        report["start_500_series_s"] = measure_start(root / "many", 500)
        keys = write_dataset(root / "big" / "clips", 2, frames=FRAMES, width=WIDTH, height=HEIGHT)
        tokens = [make_token(root / "big" / "tokens.json", f"p{n}@example.org") for n in range(STREAMS)]
        server = ServerProcess(root / "big", DATASET="folder:clips", AUTH="tokens")
        server.headers["Authorization"] = f"Bearer {tokens[0]}"
        began = time.monotonic()
        with server:
            memory = Memory(server.pid)
            server.wait_ready(300)
            report["two_series_first_tracking_s"] = round(time.monotonic() - began, 1)
            report["memory_while_tracking_two_mb"] = memory.megabytes()
            report["save_ms"] = measure_saves(server, keys[0], 5)
            report["load"] = measure_load(server, tokens, keys, seconds)
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
