"""Hospitals that are really apart: a server and sites as programs of their own.

`consortium` says who is who; `carrier` takes messages between server and sites. Nothing here
imports TFF.
"""
