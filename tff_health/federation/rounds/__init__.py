"""Training rounds between a server and sites that are apart: what is said, and who does what."""
