"""Pages and pictures for people: replay reports, previews, comparison sheets (floor 6)."""
