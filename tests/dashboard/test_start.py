"""Starting the dashboard by its command: what a user's mistake is told."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from dagster_project.settings import PROJECT_ROOT


def start(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    """`python -m dashboard`, which is expected to end by itself."""
    command = [sys.executable, "-m", "dashboard", "--port", str(port)]
    environment = os.environ | {"WAREHOUSE_HOME": str(home)}
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_port_that_is_taken_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = start(tmp_path, port)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"Port {port} is taken by another program. Take another one: make dashboard PORT=8600\n"
