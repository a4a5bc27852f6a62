-- The request of the comparison, for wrk: it checks nothing of the answer.
wrk.method = "POST"
wrk.body = os.getenv("COMPARE_BODY")
wrk.headers["content-type"] = "application/json"
wrk.headers["accept"] = "application/json, text/event-stream"
wrk.headers["mcp-protocol-version"] = "2025-11-25"
