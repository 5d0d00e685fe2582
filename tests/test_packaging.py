"""What we ship is what we mean to ship: packages, image, compose file, and the rules that guard the tree."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGES = ["agent", "api", "core", "engine", "evals", "ingest", "knowledge", "store", "tools"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
ONE_SHOT = {"roles", "migrate"}
FINAL_STAGE = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]


def python(code: str, *options: str, cwd: Path) -> str:
    """What a fresh interpreter, started outside the project, prints for `code`."""
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


# --- the packages ---------------------------------------------------------------------------------------


def test_each_package_name_means_ours_wherever_python_is_started(tmp_path: Path) -> None:
    code = f"import importlib.util as u, json; print(json.dumps([u.find_spec(n).origin for n in {PACKAGES}]))"
    assert json.loads(python(code, cwd=tmp_path)) == [str(ROOT / name / "__init__.py") for name in PACKAGES]


def test_no_dependency_brings_a_package_of_the_same_name() -> None:
    owners = importlib.metadata.packages_distributions()
    assert {name: set(owners[name]) - {"nightshift"} for name in PACKAGES if name in owners} == {}


def test_the_wheel_is_told_the_nine_folders_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
    assert sorted(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES == folders
    assert project["project"]["scripts"] == {"nightshift": "api.cli.main:main"}


@pytest.mark.skipif(not (ROOT / "api/cli/main.py").exists(), reason="api/cli/main.py does not exist yet")
def test_the_command_line_does_not_load_what_most_commands_never_use(tmp_path: Path) -> None:
    code = "import sys, api.cli.main; print('\\n'.join(sys.modules))"
    loaded = set(python(code, "-W", "ignore", cwd=tmp_path).split())
    assert "api.cli.main" in loaded
    assert loaded & {"langgraph", "langchain_core", "fastapi", "rich.console", "agent", "engine"} == set()


# --- the image ------------------------------------------------------------------------------------------


def test_the_image_takes_locked_hashes_and_wheels_only_and_copies_all_nine_packages() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes --only-binary :all:" in dockerfile
    assert "--constraint requirements.lock --requirements pyproject.toml" in dockerfile
    assert re.findall(r"^COPY (\w+)/ \1/$", dockerfile, re.MULTILINE) == PACKAGES
    allowed = re.findall(r"^!(\w+)/$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert allowed == PACKAGES


def test_the_final_image_runs_serve_as_a_numbered_user_with_a_safe_path() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", FINAL_STAGE, re.MULTILINE)
    assert "PYTHONSAFEPATH=1" in FINAL_STAGE
    assert 'ENTRYPOINT ["nightshift"]\nCMD ["serve"]' in FINAL_STAGE
    assert not re.search(r"apt-get|\bgcc\b|build-essential|\buv\b|pip install", FINAL_STAGE)


def test_the_health_check_of_the_image_is_python_that_parses_and_asks_for_liveness() -> None:
    found = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", FINAL_STAGE, re.MULTILINE)
    assert found
    interpreter, option, code = json.loads(found[1])
    assert (interpreter, option) == ("python", "-c")
    ast.parse(code)
    assert "/health/live" in code


# --- the compose file -----------------------------------------------------------------------------------


def test_compose_has_the_services_of_one_machine() -> None:
    assert set(SERVICES) == {"postgres", "redis", "serve", "worker"} | ONE_SHOT


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_write_nothing_and_may_do_nothing(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_is_checked_and_one_that_ends_is_waited_for(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        waiting = [s["depends_on"][name] for s in SERVICES.values() if name in s.get("depends_on", {})]
        assert waiting
        assert all(w == {"condition": "service_completed_successfully"} for w in waiting)
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_python_in_a_health_check_of_compose_parses() -> None:
    checks = [s["healthcheck"]["test"] for s in SERVICES.values() if "test" in s["healthcheck"]]
    programs = [check[3] for check in checks if check[1:3] == ["python", "-c"]]
    assert len(programs) == 2
    for program in programs:
        ast.parse(program)


def test_only_loopback_of_the_host_is_listened_on() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["data"]


def test_no_password_has_a_default_and_each_is_asked_for_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.example").read_text()
    used = re.findall(r"\$\{(\w*PASSWORD)([^}]*)\}", text)
    assert used
    for name, default in used:
        assert default == ":?set it in .env", name
        assert re.search(rf"^{name}=$", example, re.MULTILINE), f"{name} has no empty line in .env.example"
    # the URLs of the example say PASSWORD where one belongs
    assert not re.search(r"^#?\w*(PASSWORD|TOKEN|KEY)=.", example, re.MULTILINE)
    assert set(re.findall(r"://[^:]*:(\w+)@", example)) == {"PASSWORD"}


def test_only_the_migration_knows_the_password_of_the_owner() -> None:
    knowing = {name for name, service in SERVICES.items() if "OWNER_PASSWORD" in json.dumps(service)}
    assert knowing == {"roles", "migrate"}


def test_every_setting_that_compose_passes_on_is_explained_in_the_example() -> None:
    passed = {
        key for name in ("serve", "worker") for key, value in SERVICES[name]["environment"].items() if value is None
    }
    explained = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert passed
    assert passed <= explained


# --- the rules that guard the tree ----------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree that keeps every house rule."""
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('"""One room. It imports the core. Start at alert.py."""\n')
    (tmp_path / "requirements.lock").write_text(f"idna==3.10 \\\n    --hash=sha256:{'0' * 64}\n")
    for folder in ("sql", "schema"):
        (tmp_path / "store" / folder).mkdir()
    (tmp_path / "store/sql/alerts.sql").write_text("-- name: one\n-- Says one.\nSELECT 1;\n")
    (tmp_path / "store/schema/0001_first.sql").write_text("CREATE TABLE alert (id uuid);\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def house_rules(tree: Path) -> tuple[int, list[str]]:
    """Exit code and sentences of the house rules for another tree."""
    command = [sys.executable, str(ROOT / "tests/house_rules.py"), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines()[:-1]


def test_a_tree_that_keeps_the_rules_passes(tree: Path) -> None:
    (tree / "core/alert.py").write_text('PROSE = "Select one from the list"\nawait_ = "with care, set it from afar"\n')
    assert house_rules(tree) == (0, [])


BROKEN = {
    "a lock that names an index": (
        "requirements.lock",
        "--index-url https://mirror.example\n",
        "names an index",
    ),
    "a requirement without a hash": ("requirements.lock", "idna==3.10\n", "without a hash"),
    "a long file": ("core/alert.py", "x = 1\n" * 301, "301 lines"),
    "a long function": ("core/alert.py", "def f():\n" + "    x = 1\n" * 70, "f has 71 lines"),
    "a name that names nothing": ("core/utils.py", "", "'utils' names nothing"),
    "a folder that names nothing": ("api/common/x.py", "", "'common' names nothing"),
    "SQL outside the store": ("engine/x.py", 'q = "SELECT a FROM b"\n', "SQL in a Python string"),
    "SQL in an f-string": ("api/x.py", 'q = f"update {t} set a = 1"\n', "SQL in a Python string"),
    "eval": ("core/x.py", "ev" + "al('1')\n", "eval( is never"),
    "pickle": ("store/x.py", "import pickle\n", "pickle is never"),
    "unsafe YAML": ("ingest/x.py", "yaml.load(text)\n", "yaml.load( is never"),
    "a shell": ("tools/x.py", "run('ls', shell=True)\n", "shell=True is never"),
    "an unchecked certificate": ("tools/x.py", "get(url, verify=False)\n", "verify=False is never"),
    "an unchecked host key": ("tools/x.py", "connect(h, known_hosts=None)\n", "known_hosts=None is never"),
    "a note to self": ("agent/x.py", "x = 1  # TODO\n", "TODO: finish it"),
    "a query without a name": ("store/sql/x.sql", "SELECT 1;\n", "without a name"),
    "a second query without a name": (
        "store/sql/x.sql",
        "-- name: a\n-- Says.\nSELECT 1;\nSELECT 2;\n",
        "without a name",
    ),
    "a query without a sentence": ("store/sql/x.sql", "-- name: a\nSELECT 1;\n", "query a has no sentence"),
    "a package that does not say what it is": ("core/__init__.py", '"""Values."""\n', "three sentences"),
    "a gap between migrations": ("store/schema/0003_x.sql", "", "migration 3 stands where 2"),
    "two migrations of one number": ("store/schema/0001_x.sql", "", "migration 1 stands where 2"),
    "a trace of a workplace": ("docs/x.md", "see iss" + "ue #7\n", "belongs to a place of work"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_rule_is_told_with_its_file(tree: Path, what: str) -> None:
    name, content, sentence = BROKEN[what]
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text(content)
    code, faults = house_rules(tree)
    assert code == 1
    assert [fault for fault in faults if re.match(r"\S+:\d+: ", fault) and sentence in fault], faults
