"""Which HTTP server suits this application? The measurement behind `server/http_server.py` and its row in DECISIONS.

Puts the same application (our routes, gate, store and workers) behind cheroot, waitress and granian in turn and puts
each under the load of benchmarks/server.py. Needs `pip install waitress granian`, which the product does not use.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.server import FRAMES, HEIGHT, STREAMS, WIDTH, Memory, measure_load
from server.auth import make_token
from tests.helpers.clips import write_dataset
from tests.helpers.server_process import ServerProcess

THREADS = 112

_COMMON = """
import json, os, socket, sys, threading
from pathlib import Path
from server import settings
from server.assemble import assemble
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
def running():
    made = assemble(settings.load(Path.cwd()), Path.cwd())
    made.start()
    return made
def tell(port):
    print(json.dumps({"address": f"http://127.0.0.1:{port}"}), flush=True)
"""
CODE = {
    "cheroot": "import sys\nfrom server.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main([]))",
    "waitress": _COMMON
    + f"""
if __name__ == "__main__":
    import waitress
    tell(PORT)
    waitress.serve(running().application, host="127.0.0.1", port=PORT, threads={THREADS}, _quiet=True)
""",
    "granian": f"""
import os, sys
from pathlib import Path
Path("granian_app.py").write_text('''{_COMMON}
app = running().application
''')
sys.path.insert(0, str(Path.cwd()))
if __name__ == "__main__":
    import json, socket
    from granian import Granian
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    print(json.dumps({{"address": f"http://127.0.0.1:{{port}}"}}), flush=True)
    Granian("granian_app:app", "127.0.0.1", port, interface="wsgi", workers=1, blocking_threads={THREADS},
            log_enabled=False).serve()
""",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        keys = write_dataset(root / "clips", 2, frames=FRAMES, width=WIDTH, height=HEIGHT)
        tokens = [make_token(root / "tokens.json", f"p{n}@example.org") for n in range(STREAMS)]
        for name, code in CODE.items():
            server = ServerProcess(root, DATASET="folder:clips", AUTH="tokens", code=code)
            server.headers["Authorization"] = f"Bearer {tokens[0]}"
            server.start()
            try:
                _wait_up(server)
                memory = Memory(server.pid)
                report[name] = measure_load(server, tokens, keys, seconds)
                report[name]["memory_mb"] = memory.megabytes()
            finally:
                server.stop()
    print(json.dumps(report, indent=1))
    return 0


def _wait_up(server: ServerProcess) -> None:
    import time

    import requests

    for _ in range(200):
        try:
            server.wait_ready(300)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise TimeoutError("the server does not answer")


if __name__ == "__main__":
    sys.exit(main())
