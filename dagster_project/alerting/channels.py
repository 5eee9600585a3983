"""Sending an alert to a webhook and by e-mail, whichever the environment sets.

Belongs here: the two ways. Does not belong here: what is told (`stale_data`, `failed_runs`).
"""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from dagster_project.settings import Settings

SECONDS_TO_WAIT = 10
DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


def send_alert(settings: Settings, subject: str, text: str, report: Callable[[str], None]) -> bool:
    """Send an alert on every channel that is set; returns whether all took it, also where there is none.

    Never raises: an alert must not break what it tells about. What went wrong goes to `report`, without address or
    password.
    """
    channels = {"webhook": (settings.alert_webhook_url, _post), "e-mail": (settings.alert_smtp_url, _mail)}
    is_sent = True
    for name, (address, send) in channels.items():
        if not address:
            continue
        try:
            send(settings, subject, text)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            report(f"The alert could not be sent to the {name}: {_in_words(error)}. It said: {subject}.")
            is_sent = False
    return is_sent


def _post(settings: Settings, subject: str, text: str) -> None:
    """The form that Slack, Mattermost, Rocket.Chat and Google Chat take."""
    body = json.dumps({"text": f"{subject}\n\n{text}"}).encode()
    request = urllib.request.Request(  # noqa: S310 - the settings let http and https through only
        settings.alert_webhook_url, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=SECONDS_TO_WAIT):  # noqa: S310
        pass


def _mail(settings: Settings, subject: str, text: str) -> None:
    server = urlsplit(settings.alert_smtp_url)
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, settings.alert_email_from, settings.alert_email_to
    message.set_content(text)
    host, port = server.hostname, server.port or DEFAULT_PORTS[server.scheme]
    encryption = ssl.create_default_context()
    connection = (
        smtplib.SMTP_SSL(host, port, timeout=SECONDS_TO_WAIT, context=encryption)
        if server.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=SECONDS_TO_WAIT)
    )
    with connection as smtp:
        if server.scheme == "smtp":
            smtp.ehlo()
            if smtp.has_extn("starttls"):
                smtp.starttls(context=encryption)
            elif server.username:
                raise _UnencryptedError
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)


class _UnencryptedError(Exception):
    """A password would go over an open line."""


def _in_words(error: Exception) -> str:
    """What happened, in words that hold nothing of the address: messages of libraries may quote it."""
    if isinstance(error, _UnencryptedError):
        return "the server offers no encryption, so the password was not sent (use smtps://)"
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the server answered {error.smtp_code}"
    reason = getattr(error, "reason", error)
    return reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
