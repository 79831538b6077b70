"""From a message to what is wanted, and to the answer or the work that gives it."""
