import Base

/// What ties a request to the lines of logs: its id, and the trace it is part of.
public struct RequestIdentity: Sendable {
    /// The client's `X-Request-Id`, or 16 random hexadecimal digits.
    public let id: String
    /// The trace id of a valid `traceparent` (W3C Trace Context, section 3.2).
    public let trace: String?

    public init(_ request: ServedRequest) {
        if let given = request.header("x-request-id"), (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        {
            id = given
        } else {
            let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
            id = String(repeating: "0", count: 16 - digits.count) + digits
        }
        trace = request.header("traceparent").flatMap(RequestIdentity.traceID)
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
