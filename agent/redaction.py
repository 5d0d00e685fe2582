"""Redaction: the one place where secrets and addresses are taken out of text before a model sees it.

Every pattern has bounded or possessive repeats, so the time grows with the length of the text and not faster.
"""

import hashlib
import hmac
import re
import secrets
from collections import defaultdict

# Invisible characters inside a key name would hide it from the patterns below.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

_KEY_NAMES = (
    r"(?i:passw(?:or)?d|passphrase|\bpwd|\bpass(?=[\"'=:\s])|secret|token|api[-_. ]?key|apikey|access[-_]?key"
    r"|private[-_]?key|credentials?|authorization|session[-_]?id|signature|\bsig(?==)|\bauth(?=[\"'=:]))"
)
_ASSIGNED = r"[\w-]{0,40}\\{0,4}[\"']?\s{0,8}(?:=>|[:=]|%3[dD])\s{0,8}"
_SCHEME = r"(?:(?i:bearer|basic|digest|negotiate|token|apikey)\s{1,8})?"
_QUOTED = (
    r"\\++\"(?:[^\"\\]|\\++[^\"\\])*+"  # inside a JSON text that is itself a string: \"...\"
    r"|\"(?:[^\"\\\r\n]|\\.)*+\"?|'(?:[^'\\\r\n]|\\.)*+'?"
)
_BARE = r"[^\s,;&\"'<>(){}\[\]]{1,4096}"

# The order is the contract: long shapes before the shapes that they contain. The named group is what is replaced.
_SENSITIVE = re.compile(
    r"(?P<KEY>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z))"
    r"|(?<=://)(?P<LOGIN>[^\s/\"'<>]{1,512})(?=@)"
    r"|(?i:\b(?:set-)?cookie)\\{0,4}[\"']?\s{0,8}[:=]\s{0,8}(?P<COOKIE>" + _QUOTED + r"|[^\r\n\"']{1,4096})"
    r"|" + _KEY_NAMES + _ASSIGNED + r"(?P<SECRET>" + _QUOTED + r"|" + _SCHEME + _BARE + r")"
    r"|(?:(?<=\s)|^)--?(?i:password|passwd|pass|token|secret|api-?key)\s{1,4}(?P<OPTION>" + _QUOTED + r"|[^\s]{1,4096})"
    r"|(?<=\s-u\s)(?P<USER>[^\s:]{1,200}:[^\s]{1,400})"
    r"|(?i:\bbearer)\s{1,8}(?P<BEARER>[A-Za-z0-9._~+/=-]{6,4096})"
    r"|(?i:\b(?:password|passphrase|token|secret)) (?:is|was) (?P<SAID>[^\s]{4,4096})"
    r"|\b(?P<TOKEN>(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}"
    r"|glpat-[\w-]{16,255}|xox[abeoprs]-[\w-]{8,255}|(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,255}|AIza[\w-]{30,64}"
    r"|eyJ[\w-]{8,8192}\.[\w-]{4,8192}(?:\.[\w-]{0,8192})?|(?:npm|hf|pypi|dop_v1)[_-][A-Za-z0-9_-]{20,255}"
    r"|ya29\.[\w-]{16,512}|SG\.[\w-]{16,64}\.[\w-]{16,128}|\d{8,10}:AA[\w-]{30,64}|AGE-SECRET-KEY-1[A-Z0-9]{20,128})"
    r"|(?P<EMAIL>[\w.%+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})"
    r"|(?P<BLOB>[A-Za-z0-9+/_-]{60,})={0,2}"
)
_SHOWN_AS = {
    "LOGIN": "SECRET",
    "OPTION": "SECRET",
    "USER": "SECRET",
    "BEARER": "SECRET",
    "SAID": "SECRET",
    "TOKEN": "SECRET",
}


class Redactor:
    """Replaces what is sensitive by `<EMAIL:1>` and its like; one of these belongs to one incident.

    The same value always gets the same number, so a model can still see that two lines name the same person. The
    values themselves are not kept, only their keyed digests, and the key dies with the redactor.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._numbers: dict[str, dict[bytes, int]] = defaultdict(dict)

    def redact(self, text: str) -> str:
        """The text without secrets. Whatever it raises, the caller must then withhold the text."""
        return _SENSITIVE.sub(self._replace, _INVISIBLE.sub("", text))

    def is_harmless(self, text: str) -> bool:
        """Would the text pass unchanged?"""
        return self.redact(text) == text

    def _replace(self, match: "re.Match[str]") -> str:
        group = match.lastgroup
        assert group is not None, "every alternative names the part that it replaces"
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        whole, value = match.group(), match.group(group).strip("\\\"'")
        kind = _SHOWN_AS.get(group, group)
        numbers = self._numbers[kind]
        digest = hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256)
        number = numbers.setdefault(digest, len(numbers) + 1)
        return f"{whole[:start]}<{kind}:{number}>{whole[end:]}"
