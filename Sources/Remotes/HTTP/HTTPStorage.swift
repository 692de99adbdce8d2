import Base

/// An HTTP server as remote: plain reading, and writing and listing where it speaks WebDAV (RFC 4918).
///
/// Credentials come from `http.extraHeader`, netrc and `git credential`, in this order.
public struct HTTPStorage: Storage {
    private let url: String
    private let options: HTTPOptions
    private let access: HTTPAccess

    /// - Parameters:
    ///   - url: `http(s)://host/path`; `webdav(s)://` means the same.
    ///   - settings: `caFile`, `clientCertificate`, `clientKey`, `proxy`.
    public init(url: String, settings: StorageSettings = StorageSettings()) throws {
        if URLText.hasPassword(url) {
            throw MLError(
                .invalidInput, "a URL with a password would be stored in plain text",
                hint: "put the credentials into ~/.netrc or 'git credential approve'")
        }
        var address = url.withoutSlash
        for (scheme, meaning) in [
            ("webdav://", "http://"), ("webdavs://", "https://"), ("dav://", "http://"), ("davs://", "https://"),
        ] {
            if address.hasPrefix(scheme) { address = meaning + address.dropFirst(scheme.count) }
        }
        self.url = address
        options = try settings.httpOptions(for: address)
        access = HTTPAccess(url: address, git: settings.git)
    }

    public var name: String { URLText.withoutCredentials(url) }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try size(of: item.key) != nil { continue }
            // Some servers show what has come so far, and few know conditions: a new name first, which then becomes the key.
            let folder = Files.parent(of: item.key)
            let temporary = folder + "/" + Files.lastComponent(of: Files.temporaryName(beside: "x"))
            let file = try FileHandle(reading: item.file)
            let size = try file.status().size
            try access.once(folder) {
                try makeCollection(address(folder))
                removeLeftovers(folder)
            }
            let answer = try send("PUT", temporary, stream: HTTPStream(file, 0..<size))
            try require(answer, [200, 201, 204], "PUT", item.key)
            try move(temporary, to: item.key)
        }
    }

    /// Removes what uploads left that were killed: a day without a write is long enough to be sure. By the server's clock,
    /// since ours may be another; whoever may not lets it be.
    private func removeLeftovers(_ folder: String) {
        guard let answer = try? send("PROPFIND", folder + "/", headers: ["Depth: 1"]), answer.status == 207,
            let now = answer.headers["date"].flatMap({ Timestamp(httpDate: $0) }),
            let document = try? XMLElement(parsing: answer.body)
        else { return }
        for response in document.all("response") {
            let times = response.all("propstat").compactMap { $0["prop"]?["getlastmodified"]?.text }
            guard let place = response["href"]?.text, let time = times.first.flatMap({ Timestamp(httpDate: $0) }),
                time.seconds < now.seconds - HTTPStorage.leftoverAge
            else { continue }
            let name = PercentEncoding.decode(Files.lastComponent(of: place))
            if name.hasPrefix(".tmp-") { _ = try? delete(folder + "/" + name) }
        }
    }

    /// Seconds.
    private static let leftoverAge: Int64 = 86_400

    /// Gives an upload its name unless somebody else was quicker.
    private func move(_ temporary: String, to key: String) throws {
        let answer = try send("MOVE", temporary, headers: ["Destination: \(address(key))", "Overwrite: F"])
        switch answer.status {
        case 412: try delete(temporary)
        // The first try came through though its answer was lost.
        case 404 where try size(of: key) != nil: return
        default:
            if ![201, 204].contains(answer.status) { try? delete(temporary) }
            try require(answer, [201, 204], "MOVE", key)
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        if range?.isEmpty == true {
            guard try size(of: key) != nil else { throw MLError(.notFound, "\(name) has no '\(key)'") }
            return []
        }
        let headers = range.map { ["Range: bytes=\($0.lowerBound)-\($0.upperBound - 1)"] } ?? []
        let answer = try send("GET", key, headers: headers)
        if answer.status == 416 { throw MLError(.corrupt, "'\(key)' of \(name) ends before the range asked for") }
        try require(answer, [200, 206], "GET", key)
        return try range.map { try HTTPRange.part(answer, $0, "'\(key)' of \(name)") } ?? answer.body
    }

    public func size(of key: String) throws -> Int64? {
        let answer = try send("HEAD", key)
        if answer.status == 404 { return nil }
        try require(answer, [200, 204], "HEAD", key)
        return try answer.length >= 0 ? answer.length : Int64(get(key, range: nil).count)
    }

    public func list(_ prefix: String) throws -> [String] {
        let folder = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
        let answer = try send("PROPFIND", folder + "/", headers: ["Depth: 1"])
        if answer.status == 404 { return [] }
        let names: [String]
        if [400, 405, 501].contains(answer.status) {
            names = try index(of: folder)
        } else {
            try require(answer, [200, 207], "PROPFIND", folder)
            names = try XMLElement(parsing: answer.body).all("response").compactMap { response in
                let isFolder = response.all("propstat").contains { $0["prop"]?["resourcetype"]?["collection"] != nil }
                guard let place = response["href"]?.text, !isFolder, !place.hasSuffix("/") else { return nil }
                return PercentEncoding.decode(Files.lastComponent(of: place))
            }
        }
        return Set(names).filter { !$0.hasPrefix(".tmp-") }.map { folder + "/" + $0 }.sorted()
    }

    /// The files that a server without WebDAV shows in a folder's page.
    private func index(of folder: String) throws -> [String] {
        let answer = try send("GET", folder + "/")
        if answer.status == 404 { return [] }
        guard answer.status == 200 else {
            throw MLError(
                .failed, "\(name) lists no folders (\(answer.status))",
                hint: "it must speak WebDAV, or show folders as pages (nginx: 'autoindex on')")
        }
        let page = String(decoding: answer.body, as: UTF8.self)
        return page.split(separator: "href=").dropFirst().compactMap { piece in
            guard let quote = piece.first, quote == "\"" || quote == "'" else { return nil }
            let place = piece.dropFirst().prefix { $0 != quote }
            let isFile = !place.isEmpty && !place.hasPrefix("?") && !place.hasPrefix("/") && !place.contains("://")
            return isFile && !place.hasSuffix("/")
                ? PercentEncoding.decode(Files.lastComponent(of: String(place))) : nil
        }
    }

    public func delete(_ key: String) throws {
        try require(send("DELETE", key), [200, 202, 204, 404], "DELETE", key)
    }

    private func address(_ key: String) -> String { url + "/" + PercentEncoding.encode(key, keeping: "/") }

    /// Makes a folder, which WebDAV wants to be there, and as far as they are missing those above it. Whoever may not is told by
    /// the upload.
    private func makeCollection(_ place: String) throws {
        func make() throws -> Int {
            try access.send {
                var request = HTTPRequest(method: "MKCOL", url: place + "/")
                request.options = options
                return request
            }.status
        }
        // 405: it is there already.
        let above = Files.parent(of: place)
        guard [403, 404, 409].contains(try make()), above.count > URLText.origin(place).count else { return }
        try makeCollection(above)
        _ = try make()
    }

    private func send(
        _ method: String, _ key: String, headers: [String] = [], stream: HTTPStream? = nil
    ) throws -> HTTPRequest.Answer {
        try access.send {
            try stream?.rewind()
            var request = HTTPRequest(method: method, url: address(key), headers: headers)
            request.stream = stream
            request.options = options
            return request
        }
    }

    private func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ method: String, _ key: String) throws {
        if expected.contains(answer.status) { return }
        switch answer.status {
        case 401, 403:
            throw MLError(
                .failed, "\(name) refuses \(method) '\(key)' (\(answer.status))",
                hint: answer.status == 401
                    ? "put your name and password into ~/.netrc, or use a git credential helper"
                    : "check your rights there")
        case 404: throw MLError(.notFound, "\(name) has no '\(key)'")
        case 405, 501:
            throw MLError(.failed, "\(name) does not know \(method) (\(answer.status))", hint: "it must speak WebDAV")
        case 507: throw MLError(.io, "\(name) has no space left")
        default: throw MLError(.io, "\(name) answered \(answer.status) to \(method) '\(key)'")
        }
    }
}
