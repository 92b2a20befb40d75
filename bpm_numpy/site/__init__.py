"""The notebooks as files: run, kept clean, and written as web pages."""

from .pages import write_site

__all__ = ["write_site"]
