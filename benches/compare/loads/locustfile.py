"""The request of the comparison, for Locust's FastHttpUser, with a check of the answer's JSON."""

import json
import os

from locust import FastHttpUser, constant, task

BODY = os.environ["COMPARE_BODY"]
PATH = os.environ["COMPARE_PATH"]
ID = json.loads(BODY)["id"]
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
}


class Caller(FastHttpUser):
    wait_time = constant(0)

    @task
    def call(self):
        with self.client.post(PATH, data=BODY, headers=HEADERS, catch_response=True) as response:
            reply = response.json()
            if reply.get("id") != ID or "result" not in reply or reply["result"].get("isError"):
                response.failure("not the answer")
