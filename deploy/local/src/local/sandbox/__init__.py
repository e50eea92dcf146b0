"""The sandbox: an upstream that answers like ScrapeCreators, with invented people only.

Rule: what it answers follows from the seed and the request alone, so two runs with one seed see the same world.
"""
