"""The central manager: devices, ingest, the console and its API."""
