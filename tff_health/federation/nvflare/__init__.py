"""The carrier over NVFlare, and the classes that its jobs name, for consortia that run NVFlare.

`letters`, `ends`, `hub` and `line` carry the streams of `tff_health.federation.carrier` in aux
messages of NVFlare, through a `post`; `engine_post` is NVFlare's. `controller` and `executor` are
what a job names: the programs of the server and of a site. `launcher` starts them at a site. What
imports NVFlare is `engine_post`, `job_program` and these three.
"""
