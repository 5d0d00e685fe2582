"""The page about Telegram says what is true, and its picture is what is sent."""

import re
from pathlib import Path

import yaml

from api.telegram import POLLING, WEBHOOK, bots_of
from core.site_form import read_site
from evals.card_picture_telegram import picture

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/telegram.md").read_text("utf-8")


def test_the_channels_of_the_page_are_read_as_they_stand() -> None:
    environ = dict(re.findall(r"export (\w+)=(\S+)", PAGE))
    polled, posted = re.findall(r"```yaml\n# site\.yaml\n(.*?)```", PAGE, re.DOTALL)
    for block, mode in ((polled, POLLING), (posted, WEBHOOK)):
        [bot] = bots_of(read_site(yaml.safe_load(block), 1), environ)
        assert (bot.mode, bot.channels[0].chat[:4], bool(bot.secret)) == (mode, "-100", mode == WEBHOOK)
    assert "NIGHTSHIFT_PUBLIC_URL" in environ


def test_the_picture_is_what_the_code_shows_now() -> None:
    drawn = (ROOT / "docs/telegram-card.svg").read_text("utf-8")
    assert drawn == picture(), "run: python -m evals.card_picture telegram docs/telegram-card.svg"
