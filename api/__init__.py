"""The service: the ledger over HTTP. ``api.app.create_app`` makes it; nothing happens on import."""
