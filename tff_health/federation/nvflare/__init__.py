"""The carrier over NVFlare, and the classes that its jobs name, for consortia that run NVFlare.

`letters`, `ends`, `hub` and `line` carry the streams of `tff_health.federation.carrier` in aux
messages of NVFlare, through a `post`; `engine_post` is NVFlare's. `controller` and `executor` are
what a job names: the programs of the server and of a site. Only these three import NVFlare.
"""
