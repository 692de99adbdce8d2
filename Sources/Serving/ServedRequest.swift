import Base

/// A request as a service sees it, whichever protocol brought it.
public struct ServedRequest: Sendable {
    public var method: String
    /// Without the query.
    public var path: String
    /// In the order they came; names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// The client's address, without its port.
    public var client: String

    public init(
        method: String, path: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        client: String = ""
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.client = client
    }

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// What is answered.
public struct ServedReply: Sendable {
    public var status: Int
    public var contentType: String
    public var body: [UInt8]
    public var headers: [(name: String, value: String)]
    /// The version that answered, if it is another than the request was for.
    var version: String?

    public init(
        _ status: Int, _ contentType: String = "application/json", body: [UInt8] = [],
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
    }

    public static func json(_ value: JSON, status: Int = 200) -> ServedReply {
        ServedReply(status, body: Array(value.compact().utf8))
    }

    /// The body of errors that the Open Inference Protocol names; all of ours look so.
    public static func error(_ status: Int, _ message: String) -> ServedReply {
        json(["error": .string(message)], status: status)
    }
}

/// Something that answers requests.
public protocol RequestHandling: Sendable {
    /// Answers once, from any thread, soon or later.
    func handle(_ request: ServedRequest, reply: @escaping @Sendable (ServedReply) -> Void)
    /// What is answered for a request that was refused before it could be handled: too large, malformed or too slow.
    ///
    /// - Parameter request: what is known of it: without method, path and headers when they never came.
    func refuse(status: Int, _ request: ServedRequest) -> ServedReply
}
