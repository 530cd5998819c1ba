"""Five hospitals and a server on this machine, and files for machines that are apart."""
