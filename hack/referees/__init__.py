"""Programs of others that judge our images in tests; nothing that we ship needs them."""
