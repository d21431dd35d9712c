"""Faults in the live graph: a player that spoils what it plays, a witness of what comes out, and the campaign."""
