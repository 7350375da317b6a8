"""What runs an author's program in the sandbox. Nothing of it is for authors."""
