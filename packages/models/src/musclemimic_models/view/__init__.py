"""`musclemimic models view`: look at a model, pose it and read its muscles.

Nothing here is imported by `import musclemimic_models`; the browser part needs the extra `viewer`.
"""
