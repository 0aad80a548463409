"""`musclemimic sim play`: watch an environment in the browser, beside its reference.

Nothing here is imported by `import musclemimic_sim`; the browser part needs the extra `viewer`.
"""
