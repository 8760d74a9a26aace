-- Prints one line that bench.sh reads: requests per second, p50 and p99 in milliseconds, answers that were no success, socket errors.
done = function(summary, latency)
	local e = summary.errors
	io.write(string.format("RESULT %.0f %.3f %.3f %d %d\n", summary.requests / (summary.duration / 1e6),
		latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.status, e.connect + e.read + e.write + e.timeout))
end
