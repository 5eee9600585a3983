"""Serves the dashboard on this machine: `python -m dashboard`; `make dashboard` calls it.

Belongs here: how the server is started. Does not belong here: what is shown (`app`).
"""

import argparse
import socket
import sys
from contextlib import suppress
from pathlib import Path

from dagster_project.settings import SettingsError, load_settings

APP = Path(__file__).parent / "app.py"
# Measured to have a contrast of at least 4.5 with what they are written on; tests look again with axe.
THEME = {
    "base": "light",
    "primaryColor": "#0b5cad",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f5f8",
    "textColor": "#1c2430",
    "linkColor": "#0b5cad",
    "font": "'Source Sans', 'Noto Sans Arabic', Vazirmatn, Tahoma, 'DejaVu Sans', sans-serif",
}
OPTIONS = {
    # Only this machine: the figures are nobody else's business until somebody decides so.
    "server.address": "127.0.0.1",
    "server.headless": True,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    # Code and paths are not for readers; the log has them.
    "client.showErrorDetails": "none",
    # What it says in good times is for developers of Streamlit; the address is said here.
    "logger.level": "error",
    "logger.hideWelcomeMessage": True,
}
# A page that takes longer than this shall not keep the server from starting.
MOST_SECONDS_UNSEEN = 30


def main() -> int:
    """Serve until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="The dashboard on the current release")
    parser.add_argument("--port", type=int, default=8501, help="where the browser finds it; 8501 unless told")
    port = parser.parse_args().port
    try:
        load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if _is_taken(port):
        print(f"Port {port} is taken by another program. Take another one: make dashboard PORT=8600", file=sys.stderr)
        return 2
    options = {**OPTIONS, "server.port": port, **{f"theme.{name}": value for name, value in THEME.items()}}
    from streamlit.web import bootstrap

    bootstrap.load_config_options(options)
    _show_to_nobody()
    print(f"The dashboard answers on http://127.0.0.1:{port} (Ctrl-C ends it).", flush=True)
    bootstrap.run(str(APP), is_hello=False, args=[], flag_options=options)
    return 0


def _is_taken(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex((OPTIONS["server.address"], port)) == 0


def _show_to_nobody() -> None:
    """Make the overview once before the server answers, so that the first reader does not wait for imports and answers.

    It is the page itself, without a browser: whatever a page will need, this has needed before. What goes wrong here
    is shown to the first reader, whose page meets the same.
    """
    from streamlit.testing.v1 import AppTest

    with suppress(RuntimeError):
        AppTest.from_file(str(APP), default_timeout=MOST_SECONDS_UNSEEN).run()


if __name__ == "__main__":
    sys.exit(main())
