"""Which Slack apps a site describes: channels that share a bot token are one app, with one socket or one address."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.site import Channel, Site

SOCKET, HTTP = "socket", "http"


@dataclass(frozen=True, slots=True)
class SlackApp:
    """One installed app: the channels that it talks in, and its three secrets, where they are set."""

    channels: tuple[Channel, ...]
    bot_token: str
    app_token: str
    signing_secret: str

    @property
    def url(self) -> str:
        """Slack's API where it is not the usual one."""
        return self.channels[0].url

    def channel_of(self, chat: str) -> Channel:
        """The channel of the site that is this chat; a private chat, or one that nobody described, is the first's."""
        return next((channel for channel in self.channels if channel.chat == chat), self.channels[0])


def apps_of(site: Site, mode: str, environ: Mapping[str, str]) -> list[SlackApp]:
    """Every app of one mode, `socket` or `http`, that has a bot token."""
    groups: dict[tuple[str, ...], list[Channel]] = {}
    for channel in site.channels:
        if channel.kind == "slack" and (channel.mode or SOCKET) == mode:
            key = (channel.token_env, channel.app_token_env, channel.secret_env, channel.url)
            groups.setdefault(key, []).append(channel)
    apps = [
        SlackApp(tuple(channels), *(environ.get(name, "").strip() if name else "" for name in key[:3]))
        for key, channels in groups.items()
    ]
    return [app for app in apps if app.bot_token]
