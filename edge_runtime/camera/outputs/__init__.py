"""Outputs for answers: lines, status line, window, video, folder of frames, result files, systemd."""
