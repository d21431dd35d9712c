"""One codec per message; message classes are handed in, so nodes, bags and simulation share it (floor 1)."""
