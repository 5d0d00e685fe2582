"""HTTP routes, one file a noun. Same imports as `api`. Start in `webhooks.py`."""
