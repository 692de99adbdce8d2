import Base

/// What ties a request to the lines of logs: its id, and the trace it is part of.
public struct RequestIdentity: Sendable {
    /// The client's `X-Request-Id`, or 16 random hexadecimal digits.
    public let id: String
    /// The trace id of a valid `traceparent` (W3C Trace Context, section 3.2).
    public let trace: String?
    /// The `traceparent` that the answer carries: the same trace, with a span of our own; nil without a trace.
    public let parent: String?

    public init(_ request: ServedRequest) {
        if let given = request.header("x-request-id"), (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        {
            id = given
        } else {
            id = RequestIdentity.digits(UInt64.random(in: 0...UInt64.max))
        }
        let given = request.header("traceparent")
        trace = given.flatMap(RequestIdentity.traceID)
        parent = trace.map {
            "00-\($0)-\(RequestIdentity.digits(UInt64.random(in: 1...UInt64.max)))-\(given?.split(separator: "-")[3] ?? "00")"
        }
    }

    private static func digits(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func traceID(_ header: String) -> String? {
        let parts = header.split(separator: "-", omittingEmptySubsequences: false)
        func isHex(_ part: Substring, _ length: Int) -> Bool {
            part.utf8.count == length
                && part.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        }
        guard parts.count >= 4, isHex(parts[0], 2), parts[0] != "ff", isHex(parts[1], 32), isHex(parts[2], 16),
            isHex(parts[3], 2), parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" }),
            parts[0] != "00" || parts.count == 4
        else { return nil }
        return String(parts[1])
    }
}

/// Who answers a request, and what it is called in logs.
struct RequestContext: Sendable {
    var generation: Generation
    /// Is asked the same, and never heard.
    var shadow: Generation?
    var identity: RequestIdentity
}
