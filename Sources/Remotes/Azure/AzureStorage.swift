import Base

/// A container of Azure's Blob service as remote; contents are block blobs.
///
/// Source: Azure Storage REST API, "Operations on blobs". Blobs are made only when absent and with their MD5, which the service
/// compares with what arrived.
public struct AzureStorage: Storage {
    private let client: AzureClient
    /// Files longer than this go in blocks of this length, in bytes.
    private let blockLength: Int64

    /// - Parameters:
    ///   - url: `azure://account/container/prefix`.
    ///   - settings: `credentialFile`, `endpoint`, `anonymous`.
    /// - Throws: `MLError(.failed)` without credentials.
    public init(url: String, settings: StorageSettings = StorageSettings(), blockLength: Int64 = 32 << 20) throws {
        let parts = url.dropFirst("azure://".count).split(separator: "/", omittingEmptySubsequences: false).map(
            String.init)
        func isPlain(_ text: String) -> Bool {
            text.count > 2 && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-$".contains($0)) }
        }
        guard parts.count > 1, isPlain(parts[0]), isPlain(parts[1]), !parts.contains("."), !parts.contains("..") else {
            throw MLError(
                .invalidInput, "'\(URLText.withoutCredentials(url))' names no container",
                hint: "write azure://account/container/prefix")
        }
        let rest = parts.dropFirst(2).filter { !$0.isEmpty }
        client = try AzureClient(
            account: AzureAccount(parts[0], settings: settings), container: parts[1],
            prefix: rest.isEmpty ? "" : rest.joined(separator: "/") + "/", settings: settings)
        self.blockLength = blockLength
    }

    public var name: String { client.name }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try size(of: item.key) != nil { continue }
            let file = try FileHandle(reading: item.file)
            let size = try file.status().size
            if size > blockLength {
                try AzureUpload(client: client, key: item.key, file: file, size: size, least: blockLength).run()
            } else {
                let body = HTTPBody.file(file, 0..<size)
                let answer = try client.send(
                    "PUT", item.key,
                    headers: [
                        (name: "x-ms-blob-type", value: "BlockBlob"), (name: "If-None-Match", value: "*"),
                        (name: "Content-Type", value: "application/octet-stream"),
                        (name: "Content-MD5", value: Base64.encode(Hex.decode(try body.md5()) ?? [])),
                    ], body: body)
                // 409, 412: somebody else was quicker, with the same content.
                try client.require(answer, [201, 409, 412], "write '\(item.key)'")
            }
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        if range?.isEmpty == true {
            guard try size(of: key) != nil else { throw MLError(.notFound, "\(name) has no '\(key)'") }
            return []
        }
        let part = range.map { [(name: "x-ms-range", value: "bytes=\($0.lowerBound)-\($0.upperBound - 1)")] }
        let answer = try client.send("GET", key, headers: part ?? [])
        if answer.status == 416 { throw MLError(.corrupt, "'\(key)' of \(name) ends before the range asked for") }
        try client.require(answer, [200, 206], "read '\(key)'")
        if let range { return try HTTPRange.part(answer, range, "'\(key)' of \(name)") }
        if let sum = answer.headers["content-md5"] {
            guard try Base64.encode(Hex.decode(HTTPBody.bytes(answer.body).md5()) ?? []) == sum else {
                throw MLError(.corrupt, "'\(key)' of \(name) does not have the checksum it is stored with")
            }
        }
        return answer.body
    }

    public func size(of key: String) throws -> Int64? {
        let answer = try client.send("HEAD", key)
        if answer.status == 404 { return nil }
        try client.require(answer, [200], "look at '\(key)'")
        guard answer.length >= 0 else { throw MLError(.io, "\(name) does not say how long '\(key)' is") }
        return answer.length
    }

    public func list(_ prefix: String) throws -> [String] {
        var found: [String] = []
        var page = ""
        repeat {
            var query = [("restype", "container"), ("comp", "list"), ("prefix", client.prefix + prefix)]
            if !page.isEmpty { query.append(("marker", page)) }
            let answer = try client.send("GET", nil, query)
            try client.require(answer, [200], "list '\(prefix)'")
            let document = try XMLElement(parsing: answer.body)
            for blob in document["Blobs"]?.all("Blob") ?? [] {
                guard let key = blob["Name"]?.text, key.hasPrefix(client.prefix) else { continue }
                found.append(String(key.dropFirst(client.prefix.count)))
            }
            let next = document["NextMarker"]?.text ?? ""
            guard next.isEmpty || next != page else { throw MLError(.io, "\(name) lists only a part of '\(prefix)'") }
            page = next
        } while !page.isEmpty
        return found.sorted()
    }

    public func delete(_ key: String) throws {
        try client.require(client.send("DELETE", key), [202, 204, 404], "delete '\(key)'")
    }
}
