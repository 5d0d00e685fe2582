"""Values that want to become a second command, an option, another path, or something that only looks like a word."""

_JOINS = (";", "&", "&&", "|", "||", "\n", "\r\n", "\x00", "\x1b", "\x04")
_FORMS = (
    "{j}canary", "x{j}canary", "x {j} canary", "'{j}canary", '"{j}canary', "x'{j}canary{j}'", 'x"{j}canary{j}"',
    "$(x{j}canary)",
)  # fmt: skip
_SINGLE = (
    "$(canary)", "`canary`", "${PATH}", "$PATH", "${IFS}canary", "x$(canary)", "<(canary)", ">(canary)", "> /tmp/x",
    "< /etc/passwd", "2>&1", "x y", " x", "x ", "\tx", "*", "?", "[a-z]", "{a,b}", "~", "~root", "!!", "!canary",
    "#x", "x#y", "\\", "\\canary", "x\\", "'", '"', "''", '""', "'x", '"x', "x'y", 'x"y', "$'\\ncanary'", "$((1+1))",
    "%x", "%n%n", "x=y;canary", "PATH=/tmp canary", "()", "(canary)", "{ canary; }", "x^y", "x,y", "-", "--", "-x",
    "--help", "-o ProxyCommand=canary", "-oProxyCommand=canary", "--unit=other", "-rf", "../x", "/..", "/var/../etc",
    "..", "./x", "/var/log/../../etc/shadow", "file:///etc/passwd;canary", "x\ncanary", "x\rcanary", "x\x00canary",
    "\x7f", "\x08", "x\u2028canary", "x\u2029canary", "x\u0085canary", "\u202ecanary", "\u200bx", "x\u200d",
    "\ufeffx", "\u00a0", "caf\u00e9", "\uff1bcanary", "\uff04(canary)", "\u037ecanary", "x\u0301", "\u2212x",
    "\u2014x", "\u2010x", "\ud800", "x\udfff", "\U0001f525", "x" * 129, "x" * 5_000, "x" * 200_000, "", "|", "&", ";",
    "$", "`", ">", "<", "(", ")", "true;canary", "false||canary", "x;canary;#", "x&canary&", "x|canary|",
)  # fmt: skip
_OTHER_TYPES: tuple[object, ...] = (
    None, True, False, 0, -1, 10, 2**70, 1.5, float("nan"), float("inf"), [], ["x"], ["x", ";canary"], {}, {"x": 1},
    b"x", (),
)  # fmt: skip
HOSTILE_VALUES: tuple[object, ...] = (
    *(form.format(j=join) for form in _FORMS for join in _JOINS), *_SINGLE, *_OTHER_TYPES,
)  # fmt: skip
"""None of these may fill any slot."""

HOSTILE_WORDS = tuple(
    dict.fromkeys(
        word
        for word in HOSTILE_VALUES
        if isinstance(word, str) and word.isascii() and word.isprintable() and 0 < len(word) <= 256
    )
)
"""Those of them that a line of text can carry at all."""
