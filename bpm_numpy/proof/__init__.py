"""Is a gradient right? The check, random problems to check on, and mistakes that it has to find."""
