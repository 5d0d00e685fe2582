"""What a person asks, recognised by fixed words in English and Chinese: the small set that needs no model."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.catalogue import Language

TEXT_CHARS_MAX = 1_000
NUMBER_MAX = 2**31 - 1
MINUTES_MAX = 7 * 1440


class Question(StrEnum):
    """The questions that the rules can answer, and `unknown` for all others."""

    HELP = "help"
    STATUS = "status"
    CHANGES = "changes"
    SIMILAR = "similar"
    RECOMMENDED = "recommended"
    WHY_NOT = "why_not"
    WHO_APPROVED = "who_approved"
    ON_CALL = "on_call"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question; the incident's number and the time in minutes where they were named."""

    question: Question
    text: str
    number: int | None = None
    minutes: int | None = None


# The first that speaks wins, and the order is the contract: "who rejected it, and why" is about the person.
_WORDS: tuple[tuple[Question, str], ...] = (
    (Question.HELP, r"\A\W*(?:help|commands?|hi|hello|hey)\W*\Z|\A\W+\Z|\bwhat can (?:you|i)\b"
                    r"|帮助|幫助|说明|說明|[你您](?:能|会|會|可以)|能做什[么麼]|可以[问問]|[你您]好"),
    (Question.ON_CALL, r"\bon[ -]?call\b|\bwho\b.*\b(?:duty|shift|pager|call|page)\b|\bwhose (?:shift|turn)\b"
                       r"|值班|[当當]值|[谁誰]在班|待命|找[谁誰]"),
    (Question.WHO_APPROVED, r"\bwho\b.*\b(?:approv|agree|reject|declin|allow|decid|permit|sign|said|confirm|ok|ran\b"
                            r"|did\b|restart|roll|trigger)|\bapprov(?:al|ed|er)s?\b"
                            r"|[谁誰].*(?:批|同意|核准|拒[绝絕]|决定|決定|[确確][认認])|[审審]批|核准|批准"),
    (Question.WHY_NOT, r"\bwhy\b.*(?:\bnot\b|n['’]?t\b|\bno\b|refus|den(?:y|ied)|reject|block|forbid|wait|hold)"
                       r"|\b(?:refused|blocked|rejected)\b|\bwhat(?: i|['’])?s? (?:stop|block|prevent)"
                       r"|(?:[为為]什[么麼]|[为為]何|怎[么麼]|干嘛).*(?:不|[没沒]|拒|阻止)|拒[绝絕]|被(?:拒|阻止)"),
    (Question.SIMILAR, r"\bsimilar|\b(?:seen|happened|happen|had)\b.*\bbefore\b|\blast time\b|\bin the past\b"
                       r"|\bhistory\b|\b(?:past|previous|earlier) (?:incident|fix|case|time)|\bhave we (?:seen|had)\b"
                       r"|\bever happen|\bprecedent|\bsame as\b|[类類]似|相似|以前|之前|上次|曾[经經]|[历歷]史"),
    (Question.RECOMMENDED, r"\brecommend|\bsuggest|\badvi[cs]e|\bfix(?:es)?\b|\boptions?\b|\bnext steps?\b"
                           r"|\bwhat (?:should|can|could|shall) (?:we|i|you)\b|\bwhat (?:do|would) (?:we|i|you) do\b"
                           r"|\bwhat (?:now|next)\b|\bwhat help(?:s|ed)\b|\bhow (?:do|can|to|should)\b|\bplaybooks?\b"
                           r"|建[议議]|推[荐薦]|怎[么麼](?:修|[办辦]|做|[处處]理|解[决決])|如何|修[复復]|[该該]做什[么麼]"
                           r"|下一步"),
    (Question.CHANGES, r"\bchang|\bdeploy|\breleas|\brolled out\b|\brollouts?\b|\bshipped\b|\bnew version\b|\bmerged\b"
                       r"|\bwent out\b|\bwhat['’]?s new (?:on|in|with)\b|\bconfig"
                       r"|[变變]更|改了|改[动動过過]|部署|[发發][布佈]|上[线線]|版本|[变變]化|配置"),
    (Question.STATUS, r"\bstat(?:us|e)\b|\bsituation\b|\bupdate\b|\bsitrep\b|\btl;?dr\b|\bimpact|\baffect"
                      r"|\bwhat(?:['’]?s| \w{2,4}|)\b.*\b(?:up|wrong|going on|happen|broke|down|open|new|know)"
                      r"|\bis (?:it|this|everything)\b|\bare (?:we|things|they)\b|\bstill\b|\bincidents?\b|\balerts?\b"
                      r"|\bsummar|\boverview\b|\bcauses?d?\b|\bwhy\b|\bhow (?:is|are|bad)\b|\bbroken\b"
                      r"|\b(?:down|up)\?*\Z|\brecover|\bdiagnos|\bevidence\b"
                      r"|[状狀][态態况況]|怎[么麼][样樣了]|什[么麼](?:事|情[况況])|[发發]生|情[况況]|出了|恢[复復]|好了"
                      r"|[还還]好|正常|[问問][题題]|[挂掛坏壞]了|影[响響]|告警|警[报報]|事件|事故|原因|故障|[为為]什[么麼]"),
)  # fmt: skip
_RULES = tuple((question, re.compile(words)) for question, words in _WORDS)
_COMMANDS = {
    "help": Question.HELP, "start": Question.HELP, "status": Question.STATUS, "incidents": Question.STATUS,
    "changes": Question.CHANGES, "similar": Question.SIMILAR, "fix": Question.RECOMMENDED,
    "whynot": Question.WHY_NOT, "why": Question.WHY_NOT, "approvals": Question.WHO_APPROVED,
    "oncall": Question.ON_CALL,
}  # fmt: skip
_COMMAND = re.compile(r"\A/?([a-z]+)(?:@\w+)?(?:\s+#?(\d{1,9}))?\Z")
_SLASH = re.compile(r"\A/([a-z]+)(?:@\w+)?(?:\s|\Z)")
_NUMBER = re.compile(r"(?:#|\bincident\s|\binc[ -]?|事件\s?|事故\s?|故障\s?)\s{0,3}(\d{1,10})")
_UNITS = {"min": 1, "h": 60, "d": 1440}
_SPAN = re.compile(
    r"(?:(\d{1,4})|一|\ban?\b|\blast\b|\bpast\b)\s{0,3}(?:[个個]\s?)?"
    r"(?:(?P<min>m(?:in(?:ute)?s?)?\b|分[钟鐘]?)|(?P<h>h(?:(?:ou)?rs?)?\b|小[时時])|(?P<d>days?\b|天))"
)
_TODAY = re.compile(r"\btoday\b|\btonight\b|今天|今晚|今日")
_TRADITIONAL = frozenset("麼為誰變還這個們嗎發現復類歷審絕狀態樣況壞動線處辦議薦該執過時間問題報當當說幫請開關擴")
_CHINESE = re.compile("[\u3400-\u9fff]")
# How people name what a playbook does; the right side is what the ids of playbooks are made of.
_DEEDS = (
    (r"re-?start|reboot|bounce|重[启啟]|重新[启啟][动動]", "restart"),
    (r"roll(?:ed|ing)?[ -]?back|revert|回[滚滾]|回退", "rollback"),
    (r"revert|undo|还原|還原|恢复设置|恢復設定", "revert"),
    (r"\bscal(?:e|ing)|capacity|[扩擴]容", "scale"),
    (r"\bclean|delete (?:old )?logs|清理", "clean"),
    (r"throttl|rate.?limit|限流", "throttle"),
    (r"switch|fail ?over|切[换換]", "switch"),
    (r"re-?run|again the job|重跑", "rerun"),
    (r"evict|[驱驅]逐", "evict"),
    (r"cordon|隔离|隔離", "cordon"),
    (r"flag|[开開][关關]", "flag"),
    (r"\braise|memory limit|提高", "raise"),
    (r"\block|[锁鎖]", "lock"),
    (r"\bcache|[缓緩]存|快取", "cache"),
)
_DEED_RULES = tuple((re.compile(words), stem) for words, stem in _DEEDS)


def recognise(text: str) -> Asked:
    """The question in a text, by fixed words; never an error, `unknown` where nothing is recognised."""
    plain = _plain(text)
    number = _NUMBER.search(plain)
    named = _valid(number[1]) if number else None
    if command := _COMMAND.match(plain):
        named = _valid(command[2]) if command[2] else named
        if command[1] in _COMMANDS:
            return Asked(_COMMANDS[command[1]], text, named)
    minutes = _minutes(plain)
    if (slash := _SLASH.match(plain)) and slash[1] in _COMMANDS:
        return Asked(_COMMANDS[slash[1]], text, named, minutes)
    found = next((question for question, rule in _RULES if rule.search(plain)), None)
    if found is None:
        # "restart it", "can we roll back?": what policy says of it is the nearest answer that rules can give.
        found = Question.WHY_NOT if any(rule.search(plain) for rule, _ in _DEED_RULES) else Question.UNKNOWN
    return Asked(found, text, named, minutes)


def named_in(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Which of these names (services, playbooks) stand in a text as whole words, in the order given."""
    plain = _plain(text)
    return tuple(
        name for name in names
        if name and re.search(rf"(?<![a-z0-9_.-]){re.escape(_plain(name))}(?![a-z0-9_-])", plain)
    )  # fmt: skip


def playbooks_meant(text: str, ids: Iterable[str]) -> tuple[str, ...]:
    """The playbooks that a text is about: those it names, else those that do what it says, if it says anything."""
    known = tuple(ids)
    if named := named_in(text, known):
        return named
    plain = _plain(text)
    stems = {stem for rule, stem in _DEED_RULES if rule.search(plain)}
    return tuple(name for name in known if stems & set(name.split("-")))


def language_heard(text: str, else_language: Language) -> Language:
    """The language to answer in: that of the text where it shows one, else the person's."""
    if not _CHINESE.search(text):
        return else_language
    if any(letter in _TRADITIONAL for letter in text):
        return Language.ZH_HANT
    return Language.ZH_HANS if else_language is Language.EN else else_language


def _plain(text: str) -> str:
    """Small letters of one width, no more than the start of it."""
    return " ".join(unicodedata.normalize("NFKC", text[:TEXT_CHARS_MAX]).casefold().split())


def _valid(digits: str) -> int | None:
    number = int(digits)
    return number if 0 < number <= NUMBER_MAX else None


def _minutes(plain: str) -> int | None:
    if span := _SPAN.search(plain):
        unit = next(name for name in _UNITS if span[name])
        return max(1, min(int(span[1] or 1) * _UNITS[unit], MINUTES_MAX))
    return 1440 if _TODAY.search(plain) else None
