"""Spiders: the service's visits, and one per platform for `scrapy crawl`."""
