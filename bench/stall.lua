-- Posts the file named by BODY, and prints the longest wait in milliseconds.
wrk.method = "POST"
wrk.headers["X-Content-Format"] = "json+compactedv1"
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.body = file:read("*a")
file:close()

function done(summary, latency, requests)
  io.write(string.format("%d requests, p50 %.2f ms, p99 %.2f ms, longest %.2f ms\n", summary.requests, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
