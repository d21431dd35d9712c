"""Every message read and filled in one place, with the message classes handed in (floor 1).

What a stranger imports: ``events`` (what the front end hears), ``sensors_in`` and ``objects_in`` (messages to events).
"""
