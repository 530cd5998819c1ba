"""Takes messages between the server and the sites, over gRPC with TLS on both ends.

A site opens one stream outward, which carries `frames` both ways; `stream` keeps it going and ends
it. `greeting` is what both say first, `reception` takes parties in at the server, and `stream_line`
is a site's end: of gRPC these know but its sign of the end. `hub` and `line` put them on gRPC.
"""
