"""PostgreSQL, the one truth: schema, migrations, named queries, transactions, job deferral, the live bus.

It imports only `core`; nobody else writes SQL. Start reading in `schema/0001_ground.sql`, then `pool.py`.
"""
