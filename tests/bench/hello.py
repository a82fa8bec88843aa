"""The smallest service of the same kind: what bench_service holds the unit's service against."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/api/health")
def health() -> dict[str, bool]:
    return {"ready": True}
