"""Sources of frames: the camera interface and its drivers."""
