"""The MQTT session and the outbox, used at both ends."""
