"""Handlers that compute run in a process of their own: niced, with a memory limit, killed to be cancelled."""
