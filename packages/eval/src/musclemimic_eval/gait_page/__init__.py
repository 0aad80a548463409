"""What is shown and written of a gait analysis: sections of a page, tables, JSON and CSV."""
