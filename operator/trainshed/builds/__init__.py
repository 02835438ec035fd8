"""What an image is made of: its key, its layers, its manifest. Pure: bytes in, bytes out."""
