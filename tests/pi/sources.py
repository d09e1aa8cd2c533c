"""How this machine reaches its package indexes: the same settings serve the userland's apt and pip."""

import os
import re
import subprocess
import sys
from pathlib import Path

CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
"""Debian's bundle, below the root."""
_PIP_SETTING = re.compile(
    r"^[^.]+\.(?P<key>index-url|extra-index-url|trusted-host|proxy|default-timeout|timeout)='(?P<value>.*)'$",
    re.MULTILINE,
)
_PIP_CERTIFICATES = re.compile(r"^[^.]+\.cert='(.*)'$", re.MULTILINE)


def mirror() -> str:
    """Where this machine's own apt gets Debian's main archive, or $EDGECLS_PI_MIRROR."""
    if named := os.environ.get("EDGECLS_PI_MIRROR"):
        return named
    fields = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", fields, "Identifier: Packages"]
    listed = run_here(command, "apt has no sources")
    for line in listed.splitlines():
        address, codename, component = line.split()
        if component == "main" and "-" not in codename:
            return address
    raise RuntimeError("this machine's apt has no Debian main archive; name one with EDGECLS_PI_MIRROR")


def apt_options() -> str:
    """How this machine's own apt reaches its mirror."""
    wanted = re.compile(r"^Acquire::(http|https|Check-|Retries|ForceIP).*$", re.MULTILINE)
    listed = run_here(["apt-config", "dump"], "apt has no settings")
    return "".join(f"{match[0]}\n" for match in wanted.finditer(listed))


def trusted_certificates() -> Path:
    named = _PIP_CERTIFICATES.search(_pip_config())
    return Path(named[1] if named else f"/{CERTIFICATES}")


def _pip_config() -> str:
    return run_here([sys.executable, "-m", "pip", "config", "list"], "pip has no settings")


def pip_settings() -> tuple[str, ...]:
    """This machine's own pip settings, as NAME=VALUE; folders of this machine are left out."""
    found = {}
    for setting in _PIP_SETTING.finditer(_pip_config()):
        reachable = " ".join(word for word in setting["value"].split() if not word.startswith("file:"))
        if reachable:
            found[f"PIP_{setting['key'].upper().replace('-', '_')}"] = reachable
    fixed = {
        "PIP_CERT": f"/{CERTIFICATES}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": "/cache",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    return tuple(f"{name}={value}" for name, value in (found | fixed).items())


def run_here(command: list[str], failed: str) -> str:
    """Runs a command of this machine; RuntimeError with the end of what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise RuntimeError(f"{failed}: {said}")
    return done.stdout
