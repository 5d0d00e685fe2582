"""The demo's small real services: a shop, its pricing, its customers, a deploy tool and a pager.

Each service is its own process on loopback (`python -m evals.demo.shop ...`). They import nothing of Nightshift,
because they stand for other people's software. Start reading at `catalogue.py`, then `shop.py`.
"""
