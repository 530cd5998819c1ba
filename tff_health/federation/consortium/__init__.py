"""Who is who: keys, certificates, and the registry that binds them to parties.

`keys` are files that never leave their place; `certificates` are made and checked here; the
`registry` is the one public file from which everybody knows everybody; `enrolment` is how a
hospital comes into it.
"""
