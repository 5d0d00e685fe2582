"""Where something comes from: the channel that it says, and whether that chat is one that we talk in."""

from core.catalogue import Language, language_of
from core.desk import Refusal
from core.site import Channel, Site
from engine.desk_call import Denied
from store.identities import Account


def channel_of(site: Site, channel_id: str, account: Account) -> Channel:
    """The channel, if people answer there and the account is of its platform. Raises Denied."""
    channel = site.channel(channel_id)
    if channel is None or not channel.is_chat:
        raise Denied(Refusal.NO_SUCH_CHANNEL)
    if channel.kind != account.platform:
        raise Denied(Refusal.OTHER_PLATFORM)
    return channel


def language_there(site: Site, channel_id: str, own: str) -> Language:
    """The language of who pressed or wrote, where it is known, else the channel's."""
    channel = site.channel(channel_id)
    return language_of(own or (channel.language if channel else ""))


def is_private(account: Account, chat: str) -> bool:
    """Is this chat between us and this account alone, by the form of the platform's ids?"""
    if account.platform == "telegram":
        return chat == account.account
    return account.platform == "slack" and chat.startswith("D")


def check_place(channel: Channel, account: Account, chat: str) -> None:
    """We talk in the channel's own chat, and in private ones; what we say is for nobody else. Raises Denied."""
    if chat != channel.chat and not is_private(account, chat):
        raise Denied(Refusal.OTHER_CHAT)
