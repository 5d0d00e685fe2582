"""Questions of people, recognised by fixed words in three languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.asked import Question, language_heard, named_in, playbooks_meant, recognise
from core.catalogue import Language

BOOKS = ("restart-dependency", "rollback-bad-release", "overload-scale-out", "revert-setting", "ask-a-human")
ASKED = {
    Question.HELP: [
        "help",
        "Help!",
        "/help",
        "/start",
        "?",
        "hello",
        "what can you do",
        "帮助",
        "說明",
        "你能做什么？",
    ],
    Question.STATUS: [
        *(
            "status",
            "/status",
            "/incidents",
            "what's up?",
            "what is going on with shop",
            "is it back?",
            "still firing?",
        ),
        *("why is checkout slow?", "root cause of #12?", "how bad is it", "any open alerts", "what broke"),
        *("is checkout down?", "are we ok", "give me an update", "what do we know", "did it recover", "服务挂了吗"),
        *("状态怎么样", "现在什么情况", "发生了什么", "恢复了吗", "狀態", "現在什麼情況", "發生了什麼事", "原因是什麼"),
    ],
    Question.CHANGES: [
        *(
            "what changed on checkout in the last hour?",
            "/changes",
            "any deploys?",
            "which release is it",
            "was it shipped",
        ),
        *("有什么变更", "最近部署了什么", "谁改了 checkout", "有什麼變更", "剛剛發佈了什麼", "上線了哪個版本"),
    ],
    Question.SIMILAR: [
        *(
            "similar incidents?",
            "has this happened before?",
            "have we seen this before",
            "what about last time",
            "/similar",
        ),
        *("有类似的吗", "以前发生过吗", "類似事件", "上次怎麼樣"),
    ],
    Question.RECOMMENDED: [
        *(
            "what do you recommend?",
            "recommended fix",
            "what should we do?",
            "how do I fix this",
            "/fix",
            "what helped",
        ),
        *("怎么处理", "建议的修复", "该做什么", "怎麼辦", "建議怎麼處理", "如何解決"),
    ],
    Question.WHY_NOT: [
        *("why not restart?", "why didn't you roll back", "why was it refused?", "what stops you from restarting"),
        *(
            "why is it blocked",
            "/whynot",
            "/why restart",
            "为什么不重启",
            "怎么没回滚",
            "被拒绝了？",
            "為什麼不重啟",
            "為何拒絕",
        ),
    ],
    Question.WHO_APPROVED: [
        *(
            "who approved this?",
            "who said yes",
            "who rejected it, and why not sooner",
            "was it approved?",
            "/approvals",
        ),
        *("who signed off", "who restarted it", "誰批的"),
        *("谁批准的", "谁拒绝了", "审批情况", "誰批准的", "誰拒絕了", "誰核准"),
    ],
    Question.ON_CALL: [
        *("who is on call?", "on-call", "/oncall", "/oncall@night_bot", "who has the pager"),
        *("whose shift is it", "who should I page", "找谁"),
        *("谁在值班", "当值的是谁", "誰在值班", "誰當值"),
    ],
    Question.UNKNOWN: ["tell me a joke", "thanks", "今天天气很好", "/frobnicate", "write me a poem about 3 ducks"],
}


@pytest.mark.parametrize(
    ("text", "question"), [(text, question) for question, texts in ASKED.items() for text in texts]
)
def test_a_question_is_recognised(text: str, question: Question) -> None:
    assert recognise(text).question is question


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("status #12", 12), ("status 12", 12), ("/status 12", 12), ("/changes@bot #3", 3), ("why not restart #7?", 7),
        ("what about incident 44", 44), ("事件12怎么样", 12), ("＃１２ 状态", 12), ("12 servers are down", None),
        ("status", None), ("status #0", None), ("status #9999999999", None), ("status 999999999", 999_999_999),
    ],
)  # fmt: skip
def test_an_incident_is_named_by_its_number(text: str, number: int | None) -> None:
    assert recognise(text).number == number


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("what changed in the last hour", 60), ("changes of the last 2 hours", 120), ("changes of 30m", 30),
        ("/changes 90 min", 90), ("deploys within a day", 1440), ("deploys today", 1440), ("in 400 days", 10_080),
        ("最近30分钟部署了什么", 30), ("最近一小时有什么变更", 60), ("一個小時內的變更", 60), ("今天有什麼變更", 1440),
        ("what changed in 0 minutes", 1), ("what changed", None), ("which release", None),
    ],
)  # fmt: skip
def test_a_time_is_heard(text: str, minutes: int | None) -> None:
    assert recognise(text).minutes == minutes


def test_only_whole_names_count() -> None:
    names = ("shop", "shop-db", "pay", "")

    assert named_in("what changed on Shop?", names) == ("shop",)
    assert named_in("shop-db and pay, please", names) == ("shop-db", "pay")
    assert named_in("payment of shopping", names) == ()
    assert named_in("shop的变更", names) == ("shop",)


def test_a_playbook_is_meant_by_its_name_or_by_what_it_does() -> None:
    assert playbooks_meant("why not restart-dependency?", BOOKS) == ("restart-dependency",)
    assert playbooks_meant("why not restart it?", BOOKS) == ("restart-dependency",)
    assert playbooks_meant("为什么不回滚", BOOKS) == ("rollback-bad-release",)
    assert playbooks_meant("為什麼不擴容", BOOKS) == ("overload-scale-out",)
    assert playbooks_meant("why not revert it", BOOKS) == ("rollback-bad-release", "revert-setting")
    assert playbooks_meant("why was it refused?", BOOKS) == ()


@pytest.mark.parametrize(
    ("text", "persons", "heard"),
    [
        ("status", Language.EN, Language.EN), ("status", Language.ZH_HANT, Language.ZH_HANT),
        ("为什么不重启", Language.EN, Language.ZH_HANS), ("為什麼不重啟", Language.EN, Language.ZH_HANT),
        ("為什麼不重啟", Language.ZH_HANS, Language.ZH_HANT), ("值班", Language.ZH_HANT, Language.ZH_HANT),
    ],
)  # fmt: skip
def test_the_answer_is_in_the_language_of_the_question(text: str, persons: Language, heard: Language) -> None:
    assert language_heard(text, persons) is heard


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    asked = recognise(text)

    assert asked.text == text
    assert asked.number is None or asked.number > 0
