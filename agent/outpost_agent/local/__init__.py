"""The Unix socket between the daemon, its workers and the command line; import the module that is needed."""
