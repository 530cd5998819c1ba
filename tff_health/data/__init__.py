"""Images for federated learning: read, split, given to clients, packed, and fed to TFF."""
