"""Serves the dashboard on this machine: `python -m dashboard`; `make dashboard` calls it.

Belongs here: how the server is started. Does not belong here: what is shown (`app`).
"""

import argparse
import os
import sys
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
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    # Code and paths are not for readers; the log has them.
    "client.showErrorDetails": "none",
}


def main() -> int:
    """Serve until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="The dashboard on the current release")
    parser.add_argument("--port", type=int, default=8501)
    port = parser.parse_args().port
    try:
        load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    options = {**OPTIONS, "server.port": str(port), **{f"theme.{name}": value for name, value in THEME.items()}}
    flags = [f"--{name}={value}" for name, value in options.items()]
    # Imported before the first reader comes, so that nobody waits for it.
    from streamlit.web import cli

    import dashboard.app  # noqa: F401

    print(f"The dashboard answers on http://127.0.0.1:{port} (Ctrl-C ends it).", flush=True)
    os.environ.setdefault("PYTHONPATH", str(APP.parent.parent))
    sys.argv = ["streamlit", "run", str(APP), *flags]
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
