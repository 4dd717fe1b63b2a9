"""Real Apprise plugins against local receivers: what arrives, what is tried again, what is given up, what is told."""

import email
import json
import logging
import smtplib
import sys
import time
from collections.abc import Callable, Iterator
from email.header import decode_header
from pathlib import Path
from typing import Any

import pytest
import requests
from alert_nights import NO_STEP, audience, night, stall, violation
from receivers import Answer, Receiver, mailbox, receiving, rerouted

from orchestration.publishing.alerts import sending
from orchestration.publishing.alerts.digest import compose, render
from orchestration.publishing.alerts.sending import Outcome, Parcel, Patience, send, understood

QUICK = Patience(attempts=3, wait_seconds=0, timeout_seconds=5, give_up_after_seconds=20)
HOSTILE = '北方<!channel> @all [x](http://evil.example.com) *b* _i_ <at user_id="all">所有人</at> <at>ann</at>'
HARMLESS = (
    '北方＜!channel＞ ＠all [x] (http://evil.example.com) *b* _i_ ＜at user_id="all"＞所有人＜/at＞ ＜at＞ann＜/at＞'
)


def parcel(url: str, text: str = "Two deals 两个商机", subject: str = "Müller & 伙伴 2026-11-22: 2 new") -> Parcel:
    return Parcel(url, subject, lambda _fits, _style: text)


def digest_parcel(url: str, **more: Any) -> Parcel:
    digest = compose(
        night(violations=[violation("7", name=HOSTILE), violation("8", NO_STEP)], stalled=[stall("9")]),
        audience(**more),
        "https://bi.example.com/2026-11-22",
    )
    assert digest is not None
    return Parcel(url, digest.subject, lambda fits, style: render(digest, fits, style))


def one(url: str, patience: Patience = QUICK, waits: list[float] | None = None) -> Outcome:
    (outcome,) = send([parcel(url)], patience, sleep=(waits if waits is not None else []).append)
    return outcome


@pytest.fixture(autouse=True)
def _straight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy of this machine, and a home in which anything that is written is seen."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


# What arrives


@pytest.mark.parametrize(
    ("schema", "read"),
    [
        ("json", lambda body: json.loads(body)["message"]),
        ("form", lambda body: requests.utils.unquote(body.decode()).replace("+", " ")),
        ("xml", lambda body: body.decode()),
    ],
)
def test_a_message_arrives_once_with_its_chinese_intact(schema: str, read: Callable[[bytes], str]) -> None:
    with receiving() as receiver:
        assert one(receiver.url(schema=schema)) == Outcome(is_delivered=True, attempts=1)
    (request,) = receiver.requests
    assert "Two deals 两个商机" in read(request.body)


TOKEN = "4a5f2b1c0d8e4f3a9b7c"
SERVICES = {
    "slack": (
        f"slack://T00000000/B00000000/{TOKEN}/",
        f"https://hooks.slack.com/services/T00000000/B00000000/{TOKEN}",
        lambda sent: f"{sent['attachments'][0]['title']}\n{sent['attachments'][0]['text']}",
    ),
    "workflows": (
        f"workflows://prod-12.westeurope.logic.azure.com:443/643e69f83c/{TOKEN}/",
        "https://prod-12.westeurope.logic.azure.com:443/workflows/643e69f83c/triggers/manual/paths/invoke",
        lambda sent: "\n".join(block["text"] for block in sent["attachments"][0]["content"]["body"]),
    ),
    "feishu": (
        f"feishu://{TOKEN}",
        f"https://open.feishu.cn/open-apis/bot/v2/hook/{TOKEN}/",
        lambda sent: sent["content"]["text"],
    ),
    "lark": (
        f"lark://{TOKEN}",
        f"https://open.larksuite.com/open-apis/bot/v2/hook/{TOKEN}",
        lambda sent: sent["content"]["text"],
    ),
    "dingtalk": (
        f"dingtalk://SEC3f2e1d0c9b8a@{TOKEN}/",
        f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}",
        lambda sent: sent["text"]["content"],
    ),
    "wecombot": (
        f"wecombot://{TOKEN}",
        f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={TOKEN}",
        lambda sent: sent["text"]["content"],
    ),
}


@pytest.fixture(params=SERVICES)
def service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str, Receiver, Callable[[], str]]]:
    """A chat service whose requests end at a local receiver: name, URL, receiver, the text that it was sent."""
    url, address, text = SERVICES[request.param]
    heard: list[str] = []
    taken = b"ok" if request.param == "slack" else {"errcode": 0, "code": 0}
    with receiving(otherwise=Answer(content=taken)) as receiver:
        monkeypatch.setattr(requests.Session, "request", rerouted(requests, receiver, heard))

        def read() -> str:
            assert heard == [address]
            (sent,) = receiver.requests
            return str(text(sent.json))

        yield request.param, url, receiver, read


def test_a_chat_service_gets_the_digest_as_its_real_plugin_sends_it_and_no_name_pings_or_links(
    service: tuple[str, str, Receiver, Callable[[], str]],
) -> None:
    name, url, receiver, read = service
    assert send([digest_parcel(url)], QUICK) == [Outcome(is_delivered=True, attempts=1)]
    text = read()
    sent = receiver.requests[0].body.decode()
    assert "Müller &amp; 伙伴 2026-11-22" in text or "Müller & 伙伴 2026-11-22" in text
    assert "Deal 8" in text
    if name == "workflows":
        assert (
            '- 北方＜!channel＞ ＠all \\[x\\] (http://evil.example.com) \\*b\\* \\_i\\_ ＜at user\\_id="all"＞所有人'
        ) in text
        assert "[Morning review](<https://bi.example.com/2026-11-22>)" in text
        assert "entities" not in sent, "nobody is mentioned"
    else:
        # Plain text: stars and underscores are what they are.
        assert f"- {HARMLESS[:70]}" in text
        assert "Morning review: https://bi.example.com/2026-11-22" in text
    unescaped = json.dumps(receiver.requests[0].json, ensure_ascii=False)
    assert not any(ping in unescaped for ping in ("<!channel", "<at", "@all", "](http://evil"))
    if name == "slack":
        assert receiver.requests[0].json["mrkdwn"] is False
        assert "icon_url" not in sent, "no picture is loaded from elsewhere"
    if name == "dingtalk":
        assert receiver.requests[0].json["at"] == {"atMobiles": [], "isAtAll": False}


def test_a_chinese_digest_reaches_each_chat_service_intact(
    service: tuple[str, str, Receiver, Callable[[], str]],
) -> None:
    _, url, _, read = service
    assert send([digest_parcel(url, language="zh")], QUICK)[0].is_delivered
    assert "怎么办：完成演示并记录。" in read()
    assert "新增 3 项，其中阻断 1 项" in read()


def test_a_digest_is_as_long_as_the_service_takes_and_says_what_is_left_out(
    service: tuple[str, str, Receiver, Callable[[], str]],
) -> None:
    name, url, receiver, read = service
    many = night(violations=[violation(str(number), name="华东大区重点客户项目") for number in range(900)])
    digest = compose(many, audience(language="zh", most_shown=1000), "https://bi.example.com/")
    assert digest is not None
    assert send([Parcel(url, digest.subject, lambda fits, style: render(digest, fits, style))], QUICK)[0].is_delivered
    text = read()
    limits = {"slack": 35_000, "workflows": 28_000, "feishu": 20_000, "lark": 20_000, "dingtalk": 20_000}
    size = len(text.encode()) if name == "wecombot" else len(receiver.requests[0].body)
    # A WeCom text may have 2,048 bytes; of Slack's characters there is no limit on the request.
    assert size <= limits.get(name, 2048) or (name == "slack" and len(text) <= limits["slack"])
    shown = text.count("华东大区重点客户项目")
    assert shown >= 10
    assert f"另有 {900 - shown} 项，请见晨间检查。" in text
    assert "违规：新增 900 项" in text
    assert len(receiver.requests) == 1, "one message, not pieces of one"


def test_a_mail_arrives_as_plain_text_with_its_subject_and_its_chinese_intact() -> None:
    with mailbox() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=stageproof@example.com&to=li.na@example.com"
        assert send([digest_parcel(url, language="zh")], QUICK) == [Outcome(is_delivered=True, attempts=1)]
    ((recipients, content),) = box.mails
    mail = email.message_from_bytes(content)
    assert recipients == ("li.na@example.com",)
    ((subject, charset),) = decode_header(mail["Subject"])
    assert subject.decode(charset) == "Müller & 伙伴 2026-11-22：新增 3 项，其中阻断 1 项"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_payload(decode=True).decode()
    assert f"- {HARMLESS[:70]}" in text
    assert "怎么办：完成演示并记录。" in text


# What is tried again


def test_a_service_that_fails_twice_is_tried_a_third_time_after_growing_waits() -> None:
    waits: list[float] = []
    with receiving(Answer(500), Answer(503)) as receiver:
        patience = Patience(attempts=3, wait_seconds=2, timeout_seconds=5, give_up_after_seconds=45)
        assert one(receiver.url(), patience, waits) == Outcome(is_delivered=True, attempts=3)
    assert len(receiver.requests) == 3
    assert waits == [2, 4]


def test_a_service_that_always_fails_is_given_up_after_as_many_attempts_as_configured() -> None:
    with receiving(otherwise=Answer(500)) as receiver:
        assert one(receiver.url()) == Outcome(is_delivered=False, attempts=3, reason="HTTP 500")
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 301])
def test_what_cannot_succeed_is_not_tried_again(status: int) -> None:
    with receiving(otherwise=Answer(status, headers={"Location": "/elsewhere"})) as receiver:
        assert one(receiver.url()) == Outcome(is_delivered=False, attempts=1, reason=f"HTTP {status}")
    assert len(receiver.requests) == 1


def test_a_service_that_is_busy_is_left_alone_for_as_long_as_it_asks() -> None:
    waits: list[float] = []
    with receiving(Answer(429, headers={"Retry-After": "7"})) as receiver:
        assert one(receiver.url(), waits=waits).is_delivered
    assert waits == [7]
    waits.clear()
    with receiving(otherwise=Answer(429, headers={"Retry-After": "3600"})) as receiver:
        assert one(receiver.url(), waits=waits) == Outcome(is_delivered=False, attempts=1, reason="HTTP 429")
    assert waits == []


@pytest.mark.parametrize(
    ("refusal", "code"), [({"errcode": 310000, "errmsg": "sign not match"}, 310000), ({"errcode": 93000}, 93000)]
)
def test_a_refusal_that_comes_as_http_200_is_no_delivery(
    refusal: dict[str, object], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DingTalk and WeCom answer so, and Apprise takes it for a delivery."""
    for name in ("dingtalk", "wecombot"):
        with (
            receiving(Answer(content=refusal), otherwise=Answer(content={"errcode": 0})) as receiver,
            monkeypatch.context() as patched,
        ):
            patched.setattr(requests.Session, "request", rerouted(requests, receiver, []))
            assert one(SERVICES[name][0]) == Outcome(is_delivered=True, attempts=2)
            receiver.otherwise = Answer(content=refusal)
            assert one(SERVICES[name][0]) == Outcome(is_delivered=False, attempts=3, reason=f"refused with code {code}")
        assert len(receiver.requests) == 5


def test_nobody_listening_is_told_as_such() -> None:
    with receiving() as receiver:
        url = receiver.url()
    assert one(url) == Outcome(is_delivered=False, attempts=3, reason="no connection")


def test_a_service_that_does_not_answer_costs_no_more_than_its_time_outs() -> None:
    patience = Patience(attempts=2, wait_seconds=0, timeout_seconds=0.2, give_up_after_seconds=5)
    with receiving(otherwise=Answer(hang_seconds=3)) as receiver:
        began = time.monotonic()
        assert one(receiver.url(), patience) == Outcome(is_delivered=False, attempts=2, reason="no answer in time")
        assert time.monotonic() - began < 3


def test_a_service_that_answers_byte_by_byte_is_left_after_a_while_and_not_sent_the_message_twice() -> None:
    patience = Patience(attempts=3, wait_seconds=0, timeout_seconds=0.2, give_up_after_seconds=5)
    with receiving(otherwise=Answer(content="x" * 25, drip_seconds=0.1)) as receiver:
        began = time.monotonic()
        assert one(receiver.url(), patience) == Outcome(is_delivered=False, attempts=1, reason="no end within 0.6 s")
        assert time.monotonic() - began < 2.5
        sending._abandoned[-1].join()
    assert len(receiver.requests) == 1


def test_one_that_fails_keeps_none_of_the_others_waiting() -> None:
    order: list[int] = []
    with receiving(otherwise=Answer(500)) as bad, receiving() as good:
        outcomes = send([parcel(bad.url()), parcel(good.url())], QUICK, lambda number, _: order.append(number))
    assert [each.is_delivered for each in outcomes] == [False, True]
    assert order == [1, 0], "what is delivered is known before what failed is tried again"


def test_failures_cost_a_night_no_more_than_it_may_lose() -> None:
    """Ten services that hang, and one behind them that is well: it is not tried, and that is said."""
    patience = Patience(attempts=3, wait_seconds=0, timeout_seconds=0.2, give_up_after_seconds=0.5)
    with receiving(otherwise=Answer(hang_seconds=0.5)) as slow, receiving() as good:
        began = time.monotonic()
        outcomes = send([parcel(slow.url())] * 10 + [parcel(good.url())], patience)
        assert time.monotonic() - began < 5, "thirty-one attempts would take six seconds"
    tried = [each.attempts for each in outcomes]
    assert tried[:2] == [1, 1]
    assert tried[3:] == [0] * 8
    assert outcomes[0].reason == (
        "no answer in time, not tried again, as failures had cost the 0.5 s that a night may lose by them"
    )
    assert outcomes[10].reason == "not tried, as failures had cost the 0.5 s that a night may lose by them"
    assert good.requests == []


def test_waits_that_would_cost_too_much_are_not_begun() -> None:
    waits: list[float] = []
    patience = Patience(attempts=3, wait_seconds=30, timeout_seconds=5, give_up_after_seconds=20)
    with receiving(otherwise=Answer(500)) as receiver:
        outcome = one(receiver.url(), patience, waits)
    assert (outcome.attempts, waits, len(receiver.requests)) == (1, [], 1)


def test_of_several_addresses_those_that_have_the_mail_do_not_get_it_again() -> None:
    with mailbox({"bob@example.com": ["451 try later", "451 try later"]}) as box:
        url = f"mailto://127.0.0.1:{box.port}?from=a@example.com&to=ann@example.com,bob@example.com,cy@example.com"
        assert one(url) == Outcome(is_delivered=True, attempts=3)
    assert sorted(recipients for recipients, _ in box.mails) == [
        ("ann@example.com",),
        ("bob@example.com",),
        ("cy@example.com",),
    ]


def test_a_mail_server_that_refuses_for_good_is_not_asked_again() -> None:
    with mailbox({"bob@example.com": ["550 no such user"] * 9}) as box:
        url = f"mailto://127.0.0.1:{box.port}?from=a@example.com&to=bob@example.com"
        assert one(url) == Outcome(is_delivered=False, attempts=1, reason="SMTP 550")
    with mailbox() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=a@example.com&to=bob@example.com"
    assert one(url) == Outcome(is_delivered=False, attempts=3, reason="the service did not take it")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://example.com/x", "slack://too-short", "https://example.com/hook"]
)
def test_a_url_that_apprise_does_not_know_fails_at_once_and_nothing_else(url: str) -> None:
    assert not understood(url)
    assert one(url) == Outcome(is_delivered=False, attempts=1, reason="it holds no URL that Apprise can use")


def test_nothing_to_send_imports_no_apprise(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys\nfrom orchestration import alerting\nfrom orchestration.publishing.alerts.sending import Patience\n"
        "assert not {'apprise', 'requests'} & set(sys.modules), 'imported too early'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# What is told

SECRET_TOKEN = "s3cr3t-token-never-to-be-seen"
SECRET_PASSWORD = "pa55word-never-to-be-seen"


def loud(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("apprise", "requests", "urllib3", "urllib3.connectionpool", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(),
        Answer(500),
        Answer(404),
        Answer(302, headers={"Location": f"/{SECRET_TOKEN}"}),
        Answer(hang_seconds=0.4),
    ],
    ids=["taken", "failing", "refused", "redirected", "silent"],
)
@pytest.mark.parametrize("service", ["json", "lark", "dingtalk", "wecombot", "mailto", "nobody", "unknown"])
def test_no_part_of_a_url_is_in_any_log_output_exception_or_file(  # noqa: PLR0917
    service: str,
    answer: Answer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    loud(caplog)
    monkeypatch.chdir(tmp_path)
    patience = Patience(attempts=2, wait_seconds=0, timeout_seconds=0.2, give_up_after_seconds=5)
    answer = Answer(answer.status, f"you sent {SECRET_TOKEN} {SECRET_PASSWORD}", answer.headers, answer.hang_seconds)
    token = SECRET_TOKEN.replace("-", "") if service == "dingtalk" else SECRET_TOKEN
    with receiving(otherwise=answer) as receiver:
        urls = {
            "json": f"json://user:{SECRET_PASSWORD}@127.0.0.1:{receiver.port}/{token}?+X-Key={token}",
            "lark": f"lark://{token}",
            "dingtalk": f"dingtalk://{token}/",
            "wecombot": f"wecombot://{token}",
            "mailto": f"mailto://user:{SECRET_PASSWORD}@127.0.0.1:{receiver.port}?from=a@x.com&to={token}@x.com",
            "nobody": f"json://user:{SECRET_PASSWORD}@127.0.0.1:1/{token}",
            "unknown": f"nothing://user:{SECRET_PASSWORD}@127.0.0.1/{token}",
        }
        if service in ("lark", "dingtalk", "wecombot"):
            monkeypatch.setattr(requests.Session, "request", rerouted(requests, receiver, []))
        parcels = [parcel(urls[service])]
        outcomes = send(parcels, patience)
        assert understood(urls[service]) == (service != "unknown")
    out, err = capfd.readouterr()
    told = out + err + repr(outcomes) + repr(parcels)
    told += "".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (SECRET_TOKEN, SECRET_TOKEN.replace("-", ""), SECRET_PASSWORD):
        assert secret not in told
        assert secret.encode() not in written
    assert list(tmp_path.rglob("*")) == [], "nothing is kept on disk"


def test_apprise_left_to_itself_would_log_the_secrets(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What shows that the test above would see them."""
    from apprise import Apprise

    loud(caplog)
    with receiving() as receiver:
        monkeypatch.setattr(requests.Session, "request", rerouted(requests, receiver, []))
        Apprise(f"wecombot://{SECRET_TOKEN}").notify("x")
    for logger in ("apprise", "urllib3.connectionpool"):
        assert SECRET_TOKEN in "".join(each.getMessage() for each in caplog.records if each.name == logger)


def test_loggers_speak_again_once_everything_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    for thread in sending._abandoned:
        thread.join()
    with receiving() as receiver:
        one(receiver.url())
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
        requests.get(receiver.address, timeout=5)
    assert any(record.name == "urllib3.connectionpool" for record in caplog.records)


def test_requests_and_smtplib_are_left_as_they_were() -> None:
    before = requests.Session.send, smtplib.SMTP.getreply
    with receiving(otherwise=Answer(500)) as receiver:
        one(receiver.url())
    assert (requests.Session.send, smtplib.SMTP.getreply) == before


def test_a_fault_of_a_plugin_is_told_by_its_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.custom_json import NotifyJSON

    def broken(*_: object, **__: object) -> bool:
        raise ValueError(f"no {SECRET_TOKEN}")

    monkeypatch.setattr(NotifyJSON, "send", broken)
    assert one(f"json://127.0.0.1/{SECRET_TOKEN}") == Outcome(
        is_delivered=False, attempts=3, reason="Apprise failed with ValueError"
    )
