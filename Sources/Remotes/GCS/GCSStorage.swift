import Base

/// A bucket of Google Cloud Storage as remote.
///
/// Source: Cloud Storage JSON API v1. Objects are made only when absent (`ifGenerationMatch=0`) and with their MD5, which the
/// service compares with what arrived.
public struct GCSStorage: Storage {
    private let bucket: String
    /// Ends with a slash unless it is empty.
    private let prefix: String
    private let client: GCSClient
    private let storageClass: String?

    /// - Parameters:
    ///   - url: `gs://bucket/prefix`.
    ///   - settings: `credentialFile`, `anonymous`, `project` (who is billed), `storageClass`, `endpoint`.
    public init(url: String, settings: StorageSettings = StorageSettings()) throws {
        let parts = url.dropFirst("gs://".count).split(separator: "/", omittingEmptySubsequences: false)
        bucket = String(parts.first ?? "")
        let isPlain = bucket.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) }
        guard isPlain, bucket.count > 1, !parts.contains("."), !parts.contains("..") else {
            throw MLError(
                .invalidInput, "'\(URLText.withoutCredentials(url))' names no bucket", hint: "write gs://bucket/prefix")
        }
        let rest = parts.dropFirst().filter { !$0.isEmpty }
        prefix = rest.isEmpty ? "" : rest.joined(separator: "/") + "/"
        client = try GCSClient(name: "gs://\(bucket)/\(prefix)".withoutSlash, bucket: bucket, settings: settings)
        storageClass = settings["storageClass"]
    }

    public var name: String { client.name }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try size(of: item.key) != nil { continue }
            let file = try FileHandle(reading: item.file)
            try GCSUpload(
                client: client, object: prefix + item.key, file: file, size: file.status().size,
                storageClass: storageClass
            ).run()
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        if range?.isEmpty == true {
            guard try size(of: key) != nil else { throw MLError(.notFound, "\(name) has no '\(key)'") }
            return []
        }
        let headers = range.map { ["Range: bytes=\($0.lowerBound)-\($0.upperBound - 1)"] } ?? []
        let answer = try client.send("GET", client.object(prefix + key), [("alt", "media")], headers: headers)
        if answer.status == 416 { throw MLError(.corrupt, "'\(key)' of \(name) ends before the range asked for") }
        try client.require(answer, [200, 206], "read '\(key)'")
        if let range { return try HTTPRange.part(answer, range, "'\(key)' of \(name)") }
        // x-goog-hash: crc32c=…,md5=…
        let hashes = answer.headers["x-goog-hash"]?.split(separator: ",") ?? []
        if let expected = hashes.lazy.compactMap({ $0.split(separator: " ").first }).first(where: {
            $0.hasPrefix("md5=")
        }),
            expected.dropFirst(4) != GCSUpload.md5(answer.body)
        {
            throw MLError(.corrupt, "'\(key)' of \(name) does not have the checksum it is stored with")
        }
        return answer.body
    }

    public func size(of key: String) throws -> Int64? {
        let answer = try client.send("GET", client.object(prefix + key), [("fields", "size")])
        if answer.status == 404 { return nil }
        try client.require(answer, [200], "look at '\(key)'")
        guard let text = (try? JSON(parsing: answer.body))?["size"]?.stringValue, let size = Int64(text) else {
            throw MLError(.io, "\(name) does not say how long '\(key)' is")
        }
        return size
    }

    public func list(_ prefix: String) throws -> [String] {
        var found: [String] = []
        var page = ""
        repeat {
            var query = [
                ("prefix", self.prefix + prefix), ("maxResults", "1000"), ("fields", "nextPageToken,items(name)"),
            ]
            if !page.isEmpty { query.append(("pageToken", page)) }
            let answer = try client.send("GET", "/storage/v1/b/\(bucket)/o", query)
            try client.require(answer, [200], "list '\(prefix)'")
            let document = try JSON(parsing: answer.body)
            for item in document["items"]?.arrayValue ?? [] {
                guard let object = item["name"]?.stringValue, object.hasPrefix(self.prefix) else { continue }
                found.append(String(object.dropFirst(self.prefix.count)))
            }
            let next = document["nextPageToken"]?.stringValue ?? ""
            guard next.isEmpty || next != page else { throw MLError(.io, "\(name) lists only a part of '\(prefix)'") }
            page = next
        } while !page.isEmpty
        return found.sorted()
    }

    public func delete(_ key: String) throws {
        try client.require(
            client.send("DELETE", client.object(prefix + key)), [200, 204, 404], "delete '\(key)'")
    }
}
