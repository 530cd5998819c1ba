"""The settings of a run: each is defined once, in a group, and everything else follows from it.

`setting` is what a setting carries; `groups` define them all; `table` lists them by name. From
these come flags and `--help` (`listing`), `presets`, `checks`, files (`files`) and `config`, the
checked value that an experiment is given.
"""
