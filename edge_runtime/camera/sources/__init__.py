"""Where frames come from: cameras, streams, videos, pictures and the demo."""
