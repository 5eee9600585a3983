"""Quarantine as a workplace for data stewards: look, export, correct, discard. Loading what was corrected is
`loading.replay`.
"""
