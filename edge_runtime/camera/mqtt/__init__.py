"""MQTT: what the camera sees as topics of a broker, which Home Assistant finds by itself."""
