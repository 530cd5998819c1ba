"""Takes messages between the server and the sites, over gRPC with TLS on both ends.

A site opens one stream outward, which carries `frames` both ways; `stream` keeps it going and ends
it; `hub` is the server's end and `line` a site's. `greeting` is what both say first.
"""
