"""Where answers go: lines, status, window, video file and systemd."""
