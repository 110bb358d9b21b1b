"""Other people's backtesting libraries, asked the same questions: for agreement and for speed.

Belongs here: what runs under the peers' own Python (`.venv-peers`, versions in benchmarks/peers.txt), and how it is
talked to. Not here: what is compared and timed (`tests.peers`, `benchmarks.bench_backtest`). Nothing of a peer is ever
imported by the project: their licences and pins stay in their own environment.
"""
