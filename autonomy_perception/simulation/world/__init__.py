"""What stands, drives and walks in a synthetic world, and the ground and weather it does so on."""
