"""State database and mention stores."""
