"""Alerts reach real servers, and nothing breaks or leaks where they do not."""

import socket
from dataclasses import replace

import pytest

from dagster_project.alerting.channels import send_alert
from dagster_project.alerting.failed_runs import alert_failed_run
from dagster_project.settings import SettingsError, load_settings
from tests.servers import mail_server, webhook_server

SECRET = "S3cr3t-of-the-hook"  # noqa: S105  (made up)
MAIL = {"alert_email_from": "platform@example.com", "alert_email_to": "on.call@example.com"}


@pytest.fixture
def said():
    return []


def test_without_channels_nothing_is_sent_and_nothing_said(settings, said):
    assert send_alert(settings, "subject", "text", said.append)
    assert said == []


def test_both_channels_get_the_alert(settings, said):
    with webhook_server() as hook, mail_server() as mail:
        both = replace(
            settings,
            alert_webhook_url=f"http://127.0.0.1:{hook.port}/{SECRET}",
            alert_smtp_url=f"smtp://127.0.0.1:{mail.port}",
            **MAIL,
        )
        assert alert_failed_run(both, "daily_refresh", ["Check on raw.orders: no_file_refused"], "r1", said.append)
    (posted,), (mailed,) = hook.messages, mail.messages
    for text in (posted, mailed):
        assert "daily_refresh failed" in text
        assert "- Check on raw.orders: no_file_refused" in text
        assert "Nothing is published yet" in text
        assert SECRET not in text
    assert "To: on.call@example.com" in mailed
    assert said == []


@pytest.mark.parametrize("answer", [403, 500])
def test_a_refusal_is_said_without_the_address(settings, said, answer):
    with webhook_server() as hook:
        hook.answer = answer
        url = f"http://127.0.0.1:{hook.port}/{SECRET}"
        assert not send_alert(replace(settings, alert_webhook_url=url), "subject", "text", said.append)
    assert said == [f"The alert could not be sent to the webhook: it answered {answer}. It said: subject."]


@pytest.mark.parametrize("address", [f"http://127.0.0.1:1/{SECRET}", f"http://no-such-host.invalid/{SECRET}"])
def test_a_server_that_is_not_there_is_said_without_the_address(settings, said, address):
    assert not send_alert(replace(settings, alert_webhook_url=address), "subject", "text", said.append)
    (line,) = said
    assert "could not be sent to the webhook" in line
    assert SECRET not in line


def test_a_server_that_never_answers_is_given_up(settings, said, monkeypatch):
    monkeypatch.setattr("dagster_project.alerting.channels.SECONDS_TO_WAIT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        urls = {"alert_webhook_url": f"http://127.0.0.1:{port}/x", "alert_smtp_url": f"smtp://127.0.0.1:{port}"}
        assert not send_alert(replace(settings, **urls, **MAIL), "subject", "text", said.append)
    assert len(said) == 2


def test_a_password_never_goes_over_an_open_line(settings, said):
    with mail_server() as mail:
        url = f"smtp://user:{SECRET}@127.0.0.1:{mail.port}"
        assert not send_alert(replace(settings, alert_smtp_url=url, **MAIL), "subject", "text", said.append)
    assert mail.messages == []
    assert "no encryption" in said[0]
    assert SECRET not in said[0]


def test_settings_never_print_a_secret():
    settings = load_settings(
        {
            "ALERT_WEBHOOK_URL": f"https://hooks.example.com/{SECRET}",
            "ALERT_SMTP_URL": f"smtps://user:{SECRET}@mail.example.com",
            "ALERT_EMAIL_FROM": "a@example.com",
            "ALERT_EMAIL_TO": "b@example.com",
            "ERASE_CUSTOMER_ID": SECRET,
        }
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


@pytest.mark.parametrize(
    "environment",
    [
        {"ALERT_WEBHOOK_URL": f"file:///etc/{SECRET}"},
        {"ALERT_WEBHOOK_URL": f"https:{SECRET}"},
        {"ALERT_WEBHOOK_URL": f"https://host:port/{SECRET}"},
        {"ALERT_WEBHOOK_URL": f"https://host/{SECRET}\nX: y"},
        {"ALERT_SMTP_URL": f"https://user:{SECRET}@host"},
        {"ALERT_SMTP_URL": f"smtp://user:{SECRET}@host"},
        {"ALERT_EMAIL_TO": "somebody@example.com"},
    ],
)
def test_settings_that_cannot_work_are_told_without_the_secret(environment):
    with pytest.raises(SettingsError, match="ALERT_") as error:
        load_settings(environment)
    assert SECRET not in str(error.value)
