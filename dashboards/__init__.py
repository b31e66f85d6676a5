"""Views for people: console, Kibana and reports."""
