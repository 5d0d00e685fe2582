"""Secrets, read at the moment of use from the file or the environment variable that the site names."""

import os
import re
from pathlib import Path

from core.errors import Refused

SECRET_BYTES_MAX = 64 * 1024
TOKEN = re.compile(r"[!-~]+", re.ASCII)


def read_secret(file: str, variable: str) -> str:
    """The secret without the line break at its end. Raises Refused, naming the place and never the content."""
    if variable:
        text = os.environ.get(variable, "")
        place = f"the environment variable {variable}"
    else:
        place = f"the file {file}"
        try:
            with Path(file).open("rb") as opened:
                text = opened.read(SECRET_BYTES_MAX).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{place} with the secret cannot be read ({type(error).__name__})", "no_secret") from error
    if not text.strip():
        raise Refused(f"{place} holds no secret", "no_secret")
    return text.strip()


def read_token(file: str, variable: str) -> str:
    """A secret that fits into a header. Raises Refused: a library that refuses it would repeat it in its error."""
    token = read_secret(file, variable)
    if not TOKEN.fullmatch(token):
        place = f"the environment variable {variable}" if variable else f"the file {file}"
        raise Refused(f"{place} holds a secret with a space, a line break or another odd character", "bad_secret")
    return token
