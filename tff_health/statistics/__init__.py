"""Statistics over the data of all clients, of which the server learns the sums alone."""
