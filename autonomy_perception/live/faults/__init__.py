"""The fault campaign: spoils what it plays to real processes and judges what comes out."""
