"""Understanding of mentions: matching, sentiment, topics, risk, signatures."""
