"""The device daemon: chat channels, durable tasks, handlers, the link to the manager, and the command line."""
