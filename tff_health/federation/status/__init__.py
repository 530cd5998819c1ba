"""The page on which the server's operator sees what goes on: sites, rounds, stage, times, bytes.

`snapshot` is what it shows, and nothing else can be shown; `page` writes it; `serving` answers
browsers, on loopback unless told otherwise.
"""
