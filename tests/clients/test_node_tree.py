"""The JavaScript clients are locked by version and hash, and the lock works with any mirror."""

import json

from tests.clients.node import TREE


def test_lock_names_versions_and_hashes_and_no_address_to_download_from() -> None:
    lock = json.loads((TREE / "package-lock.json").read_text())
    root, *packages = lock["packages"].values()
    assert root["dependencies"] == json.loads((TREE / "package.json").read_text())["dependencies"]
    assert len(packages) > 20
    for package in packages:
        assert "resolved" not in package
        assert package["integrity"].startswith("sha512-")
        assert not package.get("hasInstallScript"), "nothing of it may run at install"
    settings = (TREE / ".npmrc").read_text().splitlines()
    assert "omit-lockfile-registry-resolved=true" in settings
    assert not [line for line in settings if "registry=" in line.replace("registry-resolved", "")]
