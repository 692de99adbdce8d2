import Base

/// An HTTP server as remote: plain reading, and writing and listing where it speaks WebDAV (RFC 4918).
public struct HTTPStorage: Storage {
    private let url: String

    /// - Parameter url: `http(s)://host/path`, without a slash at the end. Credentials come from netrc.
    public init(url: String) throws {
        if url.contains("@") && URLText.withoutCredentials(url) != url {
            throw MLError(
                .invalidInput, "a URL with a password would be stored in plain text",
                hint: "put the credentials into ~/.netrc")
        }
        self.url = url
    }

    public var name: String { url }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try size(of: item.key) != nil { continue }
            var answer = try HTTPRequest(method: "PUT", url: address(item.key), body: Files.read(item.file)).send()
            if answer.status == 409 || answer.status == 404 || answer.status == 403 {
                // WebDAV wants folders first.
                try makeCollections(Files.parent(of: item.key))
                answer = try HTTPRequest(method: "PUT", url: address(item.key), body: Files.read(item.file)).send()
            }
            try require(answer, [200, 201, 204], "PUT", item.key)
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        var request = HTTPRequest(method: "GET", url: address(key))
        if let range { request.headers.append("Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)") }
        let answer = try request.send()
        try require(answer, [200, 206], "GET", key)
        guard let range else { return answer.body }
        // A server may ignore the range and send everything.
        let body = answer.status == 200 ? answer.body.dropFirst(Int(range.lowerBound)) : answer.body[...]
        guard body.count >= range.count else {
            throw MLError(.corrupt, "'\(key)' of \(name) is shorter than its index says")
        }
        return Array(body.prefix(range.count))
    }

    public func size(of key: String) throws -> Int64? {
        let answer = try HTTPRequest(method: "HEAD", url: address(key)).send()
        if answer.status == 404 { return nil }
        try require(answer, [200, 204], "HEAD", key)
        return try answer.length >= 0 ? answer.length : Int64(get(key, range: nil).count)
    }

    public func list(_ prefix: String) throws -> [String] {
        let folder = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
        let answer = try HTTPRequest(method: "PROPFIND", url: address(folder) + "/", headers: ["Depth: 1"]).send()
        if answer.status == 404 { return [] }
        try require(answer, [200, 207], "PROPFIND", folder)
        return HTTPStorage.hrefs(String(decoding: answer.body, as: UTF8.self))
            .filter { !$0.hasSuffix("/") }.map { folder + "/" + Files.lastComponent(of: $0) }.sorted()
    }

    public func delete(_ key: String) throws {
        try require(HTTPRequest(method: "DELETE", url: address(key)).send(), [200, 202, 204, 404], "DELETE", key)
    }

    /// The text of all `href` elements, whatever their namespace prefix.
    static func hrefs(_ xml: String) -> [String] {
        xml.split(separator: "<").compactMap { piece in
            guard let end = piece.firstIndex(of: ">") else { return nil }
            let tag = piece[..<end].lowercased()
            guard tag == "href" || tag.hasSuffix(":href") || tag.hasPrefix("href ") || tag.contains(":href ") else {
                return nil
            }
            return tag.hasPrefix("/") ? nil : String(piece[piece.index(after: end)...])
        }
    }

    private func address(_ key: String) -> String { url + "/" + key }

    private func makeCollections(_ folder: String) throws {
        var path = ""
        for part in ([""] + folder.split(separator: "/").map(String.init)) {
            path += part.isEmpty ? "" : "/" + part
            let answer = try HTTPRequest(method: "MKCOL", url: url + path + "/").send()
            // 405: it is there already.
            try require(answer, [201, 405, 301, 409], "MKCOL", path)
        }
    }

    private func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ method: String, _ key: String) throws {
        if expected.contains(answer.status) { return }
        switch answer.status {
        case 401, 403:
            throw MLError(
                .failed, "\(name) refuses \(method) '\(key)' (\(answer.status))", hint: "check ~/.netrc and your rights"
            )
        case 404: throw MLError(.notFound, "\(name) has no '\(key)'")
        case 405, 501:
            throw MLError(.failed, "\(name) does not know \(method) (\(answer.status))", hint: "it must speak WebDAV")
        case 507: throw MLError(.io, "\(name) has no space left")
        default: throw MLError(.io, "\(name) answered \(answer.status) to \(method) '\(key)'")
        }
    }
}
