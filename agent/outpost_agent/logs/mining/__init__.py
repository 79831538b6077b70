"""The log miner: finds the kinds of message in a log, without knowing the log; `core` has the whole of it."""
