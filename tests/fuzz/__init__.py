"""`make fuzz`: requests that nobody would write, sent to a stack of real processes, and one judge
of what becomes of them. The short run of it is `test_fuzz.py`."""
