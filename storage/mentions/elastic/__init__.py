"""The mention store on Elasticsearch 8 and 9: one index per month, one read alias."""
