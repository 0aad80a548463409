"""What healthy people do: reference curves with their sources, and agreement with them."""
