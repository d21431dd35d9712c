"""``vehicle check``: does a vehicle file describe the vehicle that made this recording?"""
