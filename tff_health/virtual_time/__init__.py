"""How long simulated rounds would last: clients' speeds, lines and hours, and who is waited for."""
