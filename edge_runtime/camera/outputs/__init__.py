"""Outputs for answers: lines, status line, preview window, video file, folder of frames, systemd."""
