"""What hears people in chats without an address of ours: one process of all at a time, beside the worker."""

from engine.house import House
from engine.worker import Begin


def singletons(house: House) -> dict[str, Begin]:
    """By the name of the lease. Each watches the site itself, and does nothing while it describes no such channel."""
    from api.slack_socket import SlackSockets
    from api.telegram import TelegramPolling

    return {"slack": lambda: SlackSockets(house).run, "telegram": lambda: TelegramPolling(house).run}
