"""The rules of the house that no linter knows: one line for each place that breaks one, and then exit 1.

    python tests/house_rules.py [ROOT]

Standard library only. Looks at what git tracks or would track, never at ignored files.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("agent", "api", "core", "engine", "evals", "ingest", "knowledge", "store", "tools")
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70
OPENING_SENTENCES_MIN = 3

NAMELESS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "base"}
WRITTEN_HERE = {".py", ".sql", ".html", ".css", ".js"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
CODE_FROM_DATA = {"pickle", "cPickle", "dill", "marshal", "shelve"}
BANNED_CALLS = {"eval", "exec", "yaml.load", "os.system", "os.popen", "asyncio.create_subprocess_shell"}
BANNED_ARGUMENTS = {("shell", True), ("verify", False), ("known_hosts", None)}
# In one case throughout, so that a sentence such as "Select one from the list" is not taken for SQL.
SQL_FORMS = (
    r"SELECT\s.*\bFROM\b|INSERT\s+INTO\b|UPDATE\s.*\bSET\b|DELETE\s+FROM\b"
    r"|WITH\s+(RECURSIVE\s+)?\w+\s*(\([^)]*\)\s*)?AS\s*(NOT\s+)?(MATERIALIZED\s*)?\("
)
SQL = re.compile(rf"\s*({SQL_FORMS}|{SQL_FORMS.lower()})", re.DOTALL)
SQL_MAY_STAND_IN = ("store/", "tests/", "evals/bench.py")
# Traces of the place where a change was written. Spelled so that no pattern matches itself here.
WORKPLACE = re.compile(
    r"(?<![\w.~-])/[w]ork/|(?i:\bissue\s#|\bsession\slimit|\bsession's\stime|this\sworkplace)|\bC[E]O\b"
    r"|[p]ypi\.org|[f]iles\.pythonhosted"
)

Fault = tuple[str, int, str]  # path, line, sentence


def main() -> int:
    """Print every fault and say by the exit code whether there was one."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    files = {name: root / name for name in listed(root) if (root / name).is_file()}
    texts = {name: text for name, path in files.items() if (text := read(path)) is not None}
    faults = sorted({fault for rule in RULES for fault in rule(texts)})
    for path, line, sentence in faults:
        print(f"{path}:{line}: {sentence}")
    print(f"house rules: {len(texts)} files, {len(faults)} faults")
    return 1 if faults else 0


def listed(root: Path) -> list[str]:
    """Every path that git tracks or would track, as posix paths from the root."""
    command = ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return sorted(set(filter(None, answer.stdout.split("\0"))))


def read(path: Path) -> str | None:
    """The text of a file, None if it is not text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def product(texts: dict[str, str], *suffixes: str) -> Iterator[tuple[str, str]]:
    """What we wrote and ship: files of the nine packages, without vendored ones."""
    for name, text in texts.items():
        parts = Path(name).parts
        if parts[0] in PACKAGES and Path(name).suffix in (suffixes or WRITTEN_HERE) and "vendor" not in parts:
            yield name, text


def trees(texts: dict[str, str]) -> Iterator[tuple[str, ast.Module]]:
    """The syntax tree of every Python file; one that cannot be parsed is the linter's to report."""
    for name, text in texts.items():
        if name.endswith(".py"):
            try:
                yield name, ast.parse(text, name)
            except SyntaxError:
                continue


def lock_is_hashed_and_names_no_index(texts: dict[str, str]) -> Iterator[Fault]:
    """Every requirement of the lock has a version and a hash, and no line names a host."""
    name = "requirements.lock"
    if name not in texts:
        yield name, 1, "is missing: make lock"
        return
    lines = texts[name].splitlines()
    for number, line in enumerate(lines, 1):
        if re.search(r"://|--(extra-)?index-url|--find-links|^\s*-[if]\s", line):
            yield name, number, "names an index or a URL: the lock must work with any mirror"
        if re.match(r"[A-Za-z0-9]", line):
            following = lines[number] if number < len(lines) else ""
            if not re.match(r"\s+--hash=sha256:[0-9a-f]{64}", following):
                yield name, number, "a requirement without a hash: make lock"
            if "==" not in line:
                yield name, number, "a requirement without an exact version: make lock"


def files_are_short_and_say_what_they_hold(texts: dict[str, str]) -> Iterator[Fault]:
    """No long file in the packages, and nowhere a file or folder whose name names nothing."""
    for name, text in product(texts):
        count = len(text.splitlines())
        if count > FILE_LINES_MAX:
            yield (
                name,
                FILE_LINES_MAX + 1,
                f"{count} lines, at most {FILE_LINES_MAX}: find the second noun in it",
            )
    for name in texts:
        for part in (*Path(name).parts[:-1], Path(name).stem):
            if part.lower().lstrip("_") in NAMELESS:
                yield name, 1, f"'{part}' names nothing: call it after the noun it holds"


def functions_are_short(texts: dict[str, str]) -> Iterator[Fault]:
    """No long function in the packages, signature and docstring counted."""
    for name, tree in trees(dict(product(texts, ".py"))):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > FUNCTION_LINES_MAX:
                    yield (
                        name,
                        node.lineno,
                        f"{node.name} has {count} lines, at most {FUNCTION_LINES_MAX}",
                    )


def sql_lives_in_sql_files(texts: dict[str, str]) -> Iterator[Fault]:
    """No query in a Python string outside the store and the tests; a docstring may talk about one."""
    for name, tree in trees({n: t for n, t in texts.items() if not n.startswith(SQL_MAY_STAND_IN)}):
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) not in prose and SQL.match(literal(node)):
                yield name, node.lineno, "SQL in a Python string: give it a name in store/sql"


def literal(node: ast.AST) -> str:
    """The text of a string or of an f-string with its holes as a word, otherwise nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "hole" for v in node.values)
    return ""


def nothing_runs_data_or_trusts_blindly(texts: dict[str, str]) -> Iterator[Fault]:
    """No code from data, no shell, no unchecked certificate or host key; in tests neither."""
    for name, tree in trees(texts):
        for node in ast.walk(tree):
            for what in dangerous(node):
                yield name, node.lineno, f"{what} is never used here"


def dangerous(node: ast.AST) -> Iterator[str]:
    """The banned things that one node of a syntax tree does."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] in CODE_FROM_DATA)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in CODE_FROM_DATA:
        yield str(node.module)
    elif isinstance(node, ast.Call):
        if (called := ast.unparse(node.func)) in BANNED_CALLS:
            yield f"{called}("
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
            # `is`, because 0 == False and 1 == True
            if any(keyword.arg == arg and value is banned for arg, banned in BANNED_ARGUMENTS):
                yield f"{keyword.arg}={value}"


def nothing_is_left_unfinished(texts: dict[str, str]) -> Iterator[Fault]:
    """No note to self in what we ship."""
    for name, text in product(texts):
        for number, line in enumerate(text.splitlines(), 1):
            if found := UNFINISHED.search(line):
                yield name, number, f"{found[0]}: finish it or take it out"


def queries_have_a_name_and_a_sentence(texts: dict[str, str]) -> Iterator[Fault]:
    """Each statement of store/sql begins with `-- name: xyz` and a comment line, no name twice."""
    for name, text in texts.items():
        if not (name.startswith("store/sql/") and name.endswith(".sql")):
            continue
        lines, seen, named = text.splitlines(), set[str](), False
        for number, line in enumerate(lines, 1):
            if found := re.match(r"-- name:\s*(\S+)", line):
                named = True
                following = lines[number] if number < len(lines) else ""
                if not re.match(r"--\s+(?!name:)\w", following):
                    yield (
                        name,
                        number,
                        f"query {found[1]} has no sentence: say below its name what it is for",
                    )
                if found[1] in seen:
                    yield name, number, f"query {found[1]} is there twice"
                seen.add(found[1])
            elif line.strip() and not line.lstrip().startswith("--"):
                if not named:
                    yield name, number, "a statement without a name: put `-- name: ...` before it"
                named = not re.search(r";\s*(--.*)?$", line)


def packages_open_with_three_sentences(texts: dict[str, str]) -> Iterator[Fault]:
    """Each package says what it is, what it may import and where to start reading."""
    for package in PACKAGES:
        name = f"{package}/__init__.py"
        docstring = ast.get_docstring(ast.parse(texts[name])) if name in texts else ""
        sentences = re.findall(r"[^.!?\s][.!?](?=\s|$)", docstring or "")
        if len(sentences) < OPENING_SENTENCES_MIN:
            yield (
                name,
                1,
                "must open with three sentences: what it is, what it may import, where to start",
            )


def migrations_have_no_gap(texts: dict[str, str]) -> Iterator[Fault]:
    """The files of store/schema are numbered 1, 2, 3 and so on."""
    names = [n for n in texts if re.fullmatch(r"store/schema/[^/]+\.sql", n)]
    numbered = {n: int(found[1]) for n in names if (found := re.match(r"(\d+)[_-]", Path(n).name))}
    for name in set(names) - set(numbered):
        yield name, 1, "a migration's name begins with its number"
    for expected, (name, number) in enumerate(sorted(numbered.items(), key=lambda item: item[1]), 1):
        if number != expected:
            yield (
                name,
                1,
                f"migration {number} stands where {expected} should",
            )
            return


def nothing_tells_of_the_workplace(texts: dict[str, str]) -> Iterator[Fault]:
    """The project reads the same wherever it was written."""
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if found := WORKPLACE.search(line):
                yield name, number, f"'{found[0]}' belongs to a place of work, not to the project"


RULES = (
    lock_is_hashed_and_names_no_index,
    files_are_short_and_say_what_they_hold,
    functions_are_short,
    sql_lives_in_sql_files,
    nothing_runs_data_or_trusts_blindly,
    nothing_is_left_unfinished,
    queries_have_a_name_and_a_sentence,
    packages_open_with_three_sentences,
    migrations_have_no_gap,
    nothing_tells_of_the_workplace,
)

if __name__ == "__main__":
    sys.exit(main())
