"""SNS: only what Amazon signed for a topic of ours is believed, and nothing is fetched from anywhere else."""

import asyncio
import base64
import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from core.errors import Unavailable
from ingest import sns

ALARM = (Path(__file__).parent / "payloads" / "senders" / "cloudwatch" / "alarm.json").read_text()
URL = "/api/v1/webhooks/cloudwatch/aws"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
CONFIRM = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t1"
TEXT = {"Content-Type": "text/plain; charset=UTF-8"}


def key_and_certificate() -> tuple[RSAPrivateKey, bytes]:
    key = generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    return key, made.sign(key, SHA256()).public_bytes(Encoding.PEM)


KEY, PEM = key_and_certificate()
OTHER_KEY, _ = key_and_certificate()


class Internet:
    """What our side asks Amazon for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, bytes] = {CERTIFICATE: PEM, CONFIRM: b"<ConfirmSubscriptionResponse/>"}

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.answers:
            raise Unavailable("nothing there")
        return self.answers[url]


def message(kind: str = "Notification", version: str = "2", key: RSAPrivateKey = KEY, **changes: Any) -> dict[str, Any]:
    body = {
        "Type": kind,
        "MessageId": "m1",
        "TopicArn": TOPIC,
        "Subject": "ALARM",
        "Message": ALARM,
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        **({"SubscribeURL": CONFIRM, "Token": "t1"} if kind != "Notification" else {}),
        **changes,
    }
    body = {name: value for name, value in body.items() if value is not None}
    order = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    names = [n for n in order if n in body and not (n == "Subject" and kind != "Notification")]
    lines = "".join(f"{name}\n{body[name]}\n" for name in names).encode()
    given = key.sign(lines, PKCS1v15(), SHA1() if version == "1" else SHA256())
    return {"Signature": base64.b64encode(given).decode(), **body}


@pytest.fixture
async def internet(door: Any) -> Internet:
    internet = Internet()
    wanted = {"name": "aws", "kind": "cloudwatch", "topics": [TOPIC]}
    door.keys["aws"] = (await door.post("/api/v1/sources", wanted, "admin")).json()["key"]
    door.app.state.amazon = sns.Amazon(internet.fetch)
    return internet


async def send(door: Any, body: Any, key: str | None = None) -> Any:
    return await door.post(URL, json.dumps(body).encode(), key, **TEXT)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", ["ALARM", None])
async def test_an_alarm_that_amazon_signed_is_an_alert_once(
    door: Any, internet: Internet, version: str, subject: str | None
) -> None:
    body = message(version=version, Subject=subject)
    assert (await send(door, body)).json()["new"] == 1
    assert (await send(door, body)).json() == {"received": 0, "known": "m1"}
    assert (await send(door, message(MessageId="m2"))).json()["repeats"] == 1
    assert internet.asked == [CERTIFICATE], "a certificate is fetched once"
    [row] = await door.rows("SELECT identity FROM alerts")
    assert row["identity"] == "cloudwatch/aws:arn:aws:cloudwatch:eu-west-1:123456789012:alarm:orders-db-cpu"


OLD = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({**message(), "Signature": None}, False),
        ({**message(), "SigningCertURL": None}, False),
        ({**message(), "Signature": "!!!"}, False),
        ({**message(), "Message": "{}"}, True),
        ({**message(), "Subject": "changed"}, True),
        ({**message(), "MessageId": "m9"}, True),
        (message(key=OTHER_KEY), True),
        ({**message(version="1"), "SignatureVersion": "2"}, True),
        ({**message(), "SignatureVersion": "3"}, False),
        (message(TopicArn="arn:aws:sns:eu-west-1:999999999999:alarms"), False),
        (message(Timestamp=OLD), False),
        (message(Timestamp="soon"), False),
        ({**message(), "Message": 7}, False),
        ({**message(), "Type": "UnsubscribeConfirmation"}, False),
        (message(SigningCertURL=CERTIFICATE.replace(".com/", ".com.evil.example/")), False),
        (message(SigningCertURL=CERTIFICATE.replace("https", "http")), False),
        (message("SubscriptionConfirmation", key=OTHER_KEY), True),
        ({**message("SubscriptionConfirmation"), "SubscribeURL": "http://169.254.169.254/latest"}, True),
        ({**message("SubscriptionConfirmation"), "Signature": None}, False),
    ],
)  # fmt: skip
async def test_what_amazon_did_not_sign_is_refused_and_nothing_else_is_fetched(
    door: Any, internet: Internet, body: dict[str, Any], asked: bool
) -> None:
    answer = await send(door, {name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 401, answer.text
    assert internet.asked == ([CERTIFICATE] if asked else [])
    assert await door.rows("SELECT 1 FROM alerts UNION ALL SELECT 1 FROM quarantine") == []


async def test_a_subscription_is_confirmed_only_at_amazons_and_only_to_its_own_topic(
    door: Any, internet: Internet
) -> None:
    confirmed = await send(door, message("SubscriptionConfirmation"))
    assert confirmed.json() == {"confirmed": TOPIC}
    assert internet.asked == [CERTIFICATE, CONFIRM]
    for url in ("https://evil.example/?Action=ConfirmSubscription", CONFIRM.replace(TOPIC, "arn:other"), ""):
        odd = await send(door, message("SubscriptionConfirmation", SubscribeURL=url))
        assert odd.status_code == 400
    assert internet.asked == [CERTIFICATE, CONFIRM]
    del internet.answers[CONFIRM]
    later = await send(door, message("SubscriptionConfirmation"))
    assert later.status_code == 503, "so that Amazon comes again"
    gone = await send(door, message("UnsubscribeConfirmation"))
    assert gone.json() == {"ignored": "UnsubscribeConfirmation"}


async def test_while_the_certificate_cannot_be_had_amazon_is_asked_to_come_again(door: Any, internet: Internet) -> None:
    del internet.answers[CERTIFICATE]
    assert (await send(door, message())).status_code == 503
    internet.answers[CERTIFICATE] = b"no certificate"
    assert (await send(door, message())).status_code == 401
    assert (await send(door, message())).status_code == 401
    assert len(internet.asked) == 2, "an address without a certificate is left alone for a moment"


async def test_a_message_that_is_no_alarm_is_kept_readable(door: Any, internet: Internet) -> None:
    for number, text in enumerate(("hello", "{}", "[1]", '{"AlarmName": 1, "NewStateValue": "ALARM"}', "half \ud800")):
        body = message(MessageId=f"x{number}", Message=text) if "half" not in text else message(MessageId="y")
        assert (await send(door, body)).status_code in (200, 400)
    reasons = [row["reason"] for row in await door.rows("SELECT reason FROM quarantine ORDER BY reason")]
    assert reasons == ["no_identity", "not_json", "wrong_shape", "wrong_shape"]


async def test_raw_delivery_is_not_signed_and_needs_the_key(door: Any, internet: Internet) -> None:
    assert (await send(door, json.loads(ALARM))).status_code == 401
    assert (await send(door, json.loads(ALARM), "aws")).json()["new"] == 1
    assert (await door.post(URL, b"{", None)).status_code == 401
    assert (await door.post(URL, b"{", "aws")).status_code == 400


@pytest.mark.parametrize(
    "url",
    [
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.replace("amazonaws.com", "amazonaws.com.evil.example"),
        CERTIFICATE.replace("sns.eu", "evil.example/sns.eu"),
        CERTIFICATE.replace("https://", "https://sns.eu-west-1.amazonaws.com@evil.example/"),
        CERTIFICATE.replace("https://", "https://user:pw@"),
        CERTIFICATE.replace(".com/", ".com:8443/"),
        CERTIFICATE.replace("https://sns", "https://s3"),
        CERTIFICATE.replace("sns.eu-west-1", "sns"),
        CERTIFICATE.replace("sns.eu-west-1", "SNS.eu-west-1"),
        CERTIFICATE.replace("/Simple", "/bucket/Simple"),
        CERTIFICATE.replace("/Simple", "/../Simple"),
        CERTIFICATE.replace(".pem", ".pem?x=1"),
        CERTIFICATE.replace(".pem", ".pem#x"),
        CERTIFICATE.replace(".pem", ".key"),
        CERTIFICATE + "\n",
        CERTIFICATE.replace("amazonaws", "amazon\u0430ws"),
        CERTIFICATE.replace("://", ":\\\\"),
        "https://[::1/x.pem",
        "file:///etc/passwd",
        "",
        "x" * 5_000,
    ],
)
def test_addresses_that_are_not_amazons(url: str) -> None:
    assert not sns.is_certificate_url(url)


def test_addresses_that_are_amazons() -> None:
    assert sns.is_certificate_url(CERTIFICATE)
    assert sns.is_certificate_url(CERTIFICATE.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn"))
    assert sns.is_certificate_url(CERTIFICATE.replace("eu-west-1", "us-gov-west-1"))
    assert sns.is_confirm_url(CONFIRM, TOPIC)
    assert not sns.is_confirm_url(CONFIRM + "&Action=DeleteTopic", TOPIC)


@pytest.mark.parametrize("answer", ["large", "slow", "redirect", "error", "refused"])
async def test_fetching_has_limits(monkeypatch: Any, answer: str) -> None:
    monkeypatch.setattr(sns, "FETCH_S", 0.5)
    hits, tasks, over = [], [], asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        hits.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            {
                "large": b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 200_000,
                "slow": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12",
                "redirect": f"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:{port}/in\r\n\r\n".encode(),
                "error": b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n",
            }[answer]
        )
        await over.wait()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if answer == "refused":
        server.close()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await sns.fetch(f"http://127.0.0.1:{port}/x")
    assert time.monotonic() - began < 1.5
    assert len(hits) == (0 if answer == "refused" else 1)
    server.close()
    over.set()
    await asyncio.gather(*filter(None, tasks))
