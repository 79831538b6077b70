"""Messages that cross a process or machine boundary, their encoding, topics and errors; no I/O and no clock."""
