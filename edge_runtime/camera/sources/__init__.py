"""Sources of frames: cameras, streams, videos, images and the demo camera."""
