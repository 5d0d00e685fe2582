"""Voice: senders of messages. It imports `store` and `core`. Start in `send.py`."""
