"""What a site decides and keeps by itself: its policy, its ledger and its journal.

Whatever the server says, a site joins no study that its `policy` forbids, spends no more privacy
than its `ledger` allows, and gives no update to a second sum, as its `journal` remembers.
"""
