import Base

/// A bucket of Amazon S3, or of a server that speaks its protocol, as remote.
///
/// Source: Amazon S3 API Reference. Uploads are signed with their hash, carry a checksum and are made only when the key is
/// absent (`If-None-Match: *`) where the server offers that.
public struct S3Storage: Storage {
    private let client: S3Client
    private let dialect: S3Dialect
    /// Options of new objects: encryption and storage class.
    private let creation: [(name: String, value: String)]
    /// Files longer than this go in parts, in bytes.
    let partLength: Int64

    /// - Parameters:
    ///   - url: `s3://bucket/prefix`.
    ///   - settings: `endpoint`, `region`, `pathStyle`, `profile`, `anonymous`, `encryption`, `storageClass`, `requesterPays`.
    ///   - partLength: at least 5 MiB, which is the protocol's least.
    public init(url: String, settings: StorageSettings = StorageSettings(), partLength: Int64 = 64 << 20) throws {
        self.init(try S3Client(url: url, settings: settings), settings, partLength)
    }

    init(_ client: S3Client, _ settings: StorageSettings, _ partLength: Int64) {
        self.client = client
        self.partLength = partLength
        dialect = client.address.dialect
        creation = [("server-side-encryption", settings["encryption"]), ("storage-class", settings["storageClass"])]
            .compactMap { [dialect] name, value in value.map { (name: dialect.header + name, value: $0) } }
    }

    public var name: String { client.address.name }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            // Looking first spares sending what is there, and does for servers that ignore the condition.
            let head = try client.send("HEAD", item.key)
            if head.status == 200 { continue }
            let file = try FileHandle(reading: item.file)
            let size = try file.status().size
            if size > partLength {
                try S3Upload(
                    client: client, key: item.key, file: file, size: size, least: partLength, creation: creation
                ).run()
            } else {
                try put(item, file, size)
            }
        }
    }

    private func put(_ item: StorageItem, _ file: FileHandle, _ size: Int64) throws {
        let key = item.key
        let body = HTTPBody.file(file, 0..<size)
        let digest = try item.digest ?? body.digest()
        let headers =
            creation + [(name: "Content-Type", value: "application/octet-stream")]
            + (try dialect.checksum(body, digest))
        var answer = try client.send("PUT", key, headers: headers + [dialect.condition], body: body, digest: digest)
        // A server that has no conditional writes says so; the look before must do.
        if answer.status == 501 { answer = try client.send("PUT", key, headers: headers, body: body, digest: digest) }
        // Somebody else was quicker, with the same content.
        if S3Failure.isPresent(answer) { return }
        try client.require(answer, [200, 201, 204], "write '\(key)'")
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        if range?.isEmpty == true {
            guard try size(of: key) != nil else { throw MLError(.notFound, "\(name) has no '\(key)'") }
            return []
        }
        let headers = range.map { (name: "Range", value: "bytes=\($0.lowerBound)-\($0.upperBound - 1)") }
        let answer = try client.send(
            "GET", key, headers: [headers ?? (name: dialect.header + "checksum-mode", value: "ENABLED")])
        if answer.status == 404, S3Failure(answer).code != "NoSuchBucket" {
            throw MLError(.notFound, "\(name) has no '\(key)'")
        }
        if answer.status == 416 { throw MLError(.corrupt, "'\(key)' of \(name) ends before the range asked for") }
        try client.require(answer, [200, 206], "read '\(key)'")
        if let range { return try HTTPRange.part(answer, range, "'\(key)' of \(name)") }
        try check(answer, key)
        return answer.body
    }

    /// Compares a whole object with the checksum it was put with; one of parts has a checksum of checksums, which is left.
    private func check(_ answer: HTTPRequest.Answer, _ key: String) throws {
        let sum = answer.headers[dialect.header + "checksum-sha256"]
        let isGood: Bool
        if let sum, !sum.contains("-") {
            isGood = Base64.encode(ObjectID.of(answer.body).bytes) == sum
        } else if let sum = answer.headers["content-md5"] {
            isGood = try Base64.encode(Hex.decode(HTTPBody.bytes(answer.body).md5()) ?? []) == sum
        } else {
            isGood = true
        }
        guard isGood else {
            throw MLError(.corrupt, "'\(key)' of \(name) does not have the checksum it was stored with")
        }
    }

    public func size(of key: String) throws -> Int64? {
        let answer = try client.send("HEAD", key)
        if answer.status == 404 { return nil }
        try client.require(answer, [200], "look at '\(key)'")
        guard answer.length >= 0 else { throw MLError(.io, "\(name) does not say how long '\(key)' is") }
        return answer.length
    }

    public func list(_ prefix: String) throws -> [String] {
        let own = client.address.prefix
        var found: [String] = []
        var page: String?
        repeat {
            var query = [
                ("list-type", "2"), ("encoding-type", "url"), ("max-keys", "1000"), ("prefix", own + prefix),
            ]
            if let page { query.append(("continuation-token", page)) }
            let answer = try client.send("GET", nil, query: query)
            try client.require(answer, [200], "list '\(prefix)'")
            let document = try XMLElement(parsing: answer.body)
            let isEncoded = document["EncodingType"]?.text == "url"
            for entry in document.all("Contents") {
                guard let text = entry["Key"]?.text else { continue }
                let key = isEncoded ? PercentEncoding.decode(text, plus: true) : text
                if key.hasPrefix(own), key.utf8.count > own.utf8.count {
                    found.append(String(key.dropFirst(own.count)))
                }
            }
            let next = document["NextContinuationToken"]?.text
            guard document["IsTruncated"]?.text == "true" else { break }
            guard let next, !next.isEmpty, next != page else {
                throw MLError(.io, "\(name) lists only a part of '\(prefix)' and does not say how to go on")
            }
            page = next
        } while true
        return found.sorted()
    }

    public func delete(_ key: String) throws {
        try client.require(client.send("DELETE", key), [200, 202, 204, 404], "delete '\(key)'")
    }
}
