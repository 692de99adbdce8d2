import Base

/// JSON over HTTP for services that are asked, not stored on.
public struct JSONExchange: Sendable {
    /// An answer of any status.
    public struct Answer: Sendable {
        public var status: Int
        public var body: [UInt8]
    }

    /// Seconds a whole exchange may take.
    public var timeout: Double

    public init(timeout: Double = 60) { self.timeout = timeout }

    /// GET.
    ///
    /// - Throws: `MLError(.io)` when no answer came in time.
    public func get(_ url: String) throws -> Answer {
        try send(HTTPRequest(method: "GET", url: url, headers: ["Accept: application/json"]))
    }

    /// POST.
    ///
    /// - Throws: `MLError(.io)` when no answer came in time.
    public func post(_ url: String, _ body: JSON) throws -> Answer {
        try send(
            HTTPRequest(
                method: "POST", url: url, headers: ["Content-Type: application/json", "Accept: application/json"],
                body: Array(body.compact().utf8)))
    }

    private func send(_ request: HTTPRequest) throws -> Answer {
        var request = request
        request.timeout = timeout
        let answer = try request.send()
        return Answer(status: answer.status, body: answer.body)
    }
}
