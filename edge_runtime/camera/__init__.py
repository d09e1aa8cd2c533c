"""From a camera, stream, video or still to steady answers: sources, the loop, and where answers go."""
