"""Network cameras: HTTP, RTSP and TLS, in the capture process."""
