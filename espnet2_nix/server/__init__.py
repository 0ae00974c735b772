"""Voices over HTTP, as OpenAI's clients know it, and over Wyoming; FastAPI, uvicorn and the wyoming library do the protocols."""
