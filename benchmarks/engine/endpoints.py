"""What the intake is measured against, under the services' own server settings: an endpoint that does nothing, and one
that inserts the document of a complaint and does nothing else. `python -m benchmarks.engine.endpoints empty 8000`."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from pymongo import MongoClient

from services.contracts.identifiers import new_id
from services.shared.settings import Settings

DATABASE, COLLECTION = "duban_bench", "complaints"


def empty() -> FastAPI:
    app = FastAPI()

    @app.post("/v1/cases", status_code=201)
    async def nothing(request: Request) -> Response:
        await request.body()
        return Response(b"{}", 201, media_type="application/json")

    return app


def inserting() -> FastAPI:
    app, insert = FastAPI(), inserter(MongoClient(Settings().mongo))

    @app.post("/v1/cases", status_code=201)
    async def keep(request: Request) -> Response:
        await request.body()
        await run_in_threadpool(insert)
        return Response(b"{}", 201, media_type="application/json")

    return app


def inserter(client: MongoClient[dict[str, Any]]) -> Any:
    """A function that inserts a copy of a complaint that the service itself has filed, under the same indexes."""
    filed = client.duban_complaints.complaints
    template = filed.find_one({})
    if template is None:
        raise RuntimeError("no complaint has been filed yet")
    copies = client[DATABASE][COLLECTION]
    for name, index in filed.index_information().items():
        if name != "_id_":
            copies.create_index(index["key"], name=name, unique=index.get("unique", False), sparse=True)

    def insert() -> None:
        name = new_id()
        copies.insert_one({**template, "_id": f"complaint-{name}", "receipt": name})

    return insert


if __name__ == "__main__":
    application = {"empty": empty, "insert": inserting}[sys.argv[1]]()
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
