import Base

/// A folder in HDFS as remote, by WebHDFS (Apache Hadoop: "WebHDFS REST API").
///
/// Files are written in the API's two steps, first asking the NameNode where to, under a temporary name, and get their own
/// by a rename, which fails when the key exists.
public struct WebHDFSStorage: Storage {
    private let address: WebHDFSAddress
    /// What proves who asks: `delegation=…` or `user.name=…`.
    private let identity: String

    /// - Parameter settings: `endpoint`; `user`; `credentialFile`, a file that holds a delegation token as text.
    public init(url: String, settings: StorageSettings = StorageSettings()) throws {
        address = try WebHDFSAddress(url, endpoint: settings["endpoint"])
        if let file = try settings.path("credentialFile") {
            let token = try Files.readText(file).filter { !$0.isWhitespace }
            identity = "delegation=" + PercentEncoding.encode(token)
        } else {
            // As Hadoop's own tools: this variable, or else the name on this machine.
            let user =
                try address.user ?? settings["user"] ?? StorageSettings.ask("echo \"${HADOOP_USER_NAME:-$(id -un)}\"")
            identity = "user.name=" + PercentEncoding.encode(user)
        }
    }

    public var name: String { address.server.replacingScheme("web", "hdfs") + address.path }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try size(of: item.key) != nil { continue }
            let file = try FileHandle(reading: item.file)
            let size = try file.status().size
            let temporary = Files.temporaryName(beside: item.key)
            do {
                try write(file, size, to: temporary, item.key)
                // The answer is a plain "false" when the target exists.
                let target = PercentEncoding.encode(address.path + "/" + item.key, keeping: "/")
                let renamed = try send("PUT", temporary, "op=RENAME&destination=\(target)")
                if renamed.status != 200 || (try? JSON(parsing: renamed.body))?["boolean"]?.boolValue != true {
                    guard try self.size(of: item.key) != nil else {
                        try require(renamed, [], "write", item.key)
                        return
                    }
                    try delete(temporary)
                }
            } catch {
                try? delete(temporary)
                throw error
            }
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        if let range, range.isEmpty { return [] }
        var query = "op=OPEN"
        if let range { query += "&offset=\(range.lowerBound)&length=\(range.count)" }
        let answer = try send("GET", key, query)
        if let range, answer.status == 400 || answer.status == 403 || answer.status == 416,
            let size = try size(of: key), size < range.upperBound
        {
            throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(range.upperBound)")
        }
        try require(answer, [200], "read", key)
        if let range, answer.body.count != range.count {
            throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(range.upperBound)")
        }
        return answer.body
    }

    public func size(of key: String) throws -> Int64? {
        let answer = try send("GET", key, "op=GETFILESTATUS")
        if answer.status == 404 { return nil }
        try require(answer, [200], "look at", key)
        guard let status = try JSON(parsing: answer.body)["FileStatus"], let length = status["length"]?.intValue else {
            throw MLError(.invalidInput, "\(name) answers without sense about '\(key)'")
        }
        return status["type"]?.stringValue == "FILE" ? Int64(length) : nil
    }

    public func list(_ prefix: String) throws -> [String] {
        let folder = Files.parent(of: prefix + "x")
        let answer = try send("GET", folder == "." ? "" : folder, "op=LISTSTATUS")
        if answer.status == 404 { return [] }
        try require(answer, [200], "list", prefix)
        let entries = try JSON(parsing: answer.body)["FileStatuses"]?["FileStatus"]?.arrayValue ?? []
        return entries.compactMap { entry -> String? in
            guard entry["type"]?.stringValue == "FILE", let name = entry["pathSuffix"]?.stringValue,
                !name.hasPrefix(".tmp-")
            else { return nil }
            return folder == "." ? name : folder + "/" + name
        }.filter { $0.hasPrefix(prefix) }.sorted()
    }

    public func delete(_ key: String) throws {
        try require(send("DELETE", key, "op=DELETE&recursive=false"), [200, 404], "delete", key)
    }

    /// The API's two steps: the NameNode names a DataNode, which takes the bytes.
    private func write(_ file: FileHandle, _ size: Int64, to temporary: String, _ key: String) throws {
        let create = "op=CREATE&overwrite=true"
        let first = try send("PUT", temporary, create, followsRedirects: false)
        // A gateway (HttpFS) that is asked so may answer in JSON instead.
        let named = (try? JSON(parsing: first.body))?["Location"]?.stringValue
        guard let place = first.headers["location"] ?? named else {
            return try require(first, [], "begin to write", key)
        }
        let answer = try PatientRequest().send {
            try file.seek(to: 0)
            var request = HTTPRequest(
                method: "PUT", url: place, headers: ["Content-Type: application/octet-stream"])
            request.stream = HTTPStream(
                length: size, read: { try file.read(into: $0) }, rewind: { try file.seek(to: 0) })
            return request
        }
        try require(answer, [200, 201], "write", key)
    }

    private func send(
        _ method: String, _ key: String, _ query: String, followsRedirects: Bool = true
    ) throws -> HTTPRequest.Answer {
        guard !key.split(separator: "/").contains("..") else {
            throw MLError(.invalidInput, "'\(key)' is no valid key")
        }
        let path = PercentEncoding.encode(address.path + (key.isEmpty ? "" : "/" + key), keeping: "/")
        return try PatientRequest().send {
            var request = HTTPRequest(
                method: method, url: "\(address.server)/webhdfs/v1\(path)?\(query)&\(identity)",
                body: method == "PUT" ? [] : nil)
            request.followsRedirects = followsRedirects
            return request
        }
    }

    private func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ verb: String, _ key: String) throws {
        if expected.contains(answer.status) { return }
        let remote = (try? JSON(parsing: answer.body))?["RemoteException"]
        let words = remote?["message"]?.stringValue.map { ": " + $0.prefix { !$0.isNewline } } ?? ""
        switch answer.status {
        case 401:
            throw MLError(
                .failed, "\(name) asks who you are\(words)",
                hint: "name a file with a delegation token: 'git mldata remote set NAME credentialFile FILE'")
        case 403:
            throw MLError(
                .failed, "\(name) refuses to \(verb) '\(key)'\(words)",
                hint: "has this user the right to? 'git mldata remote set NAME user USER' asks as another")
        case 404: throw MLError(.notFound, "\(name) has no '\(key)'\(words)")
        default: throw MLError(.io, "\(name) answered \(answer.status) to: \(verb) '\(key)'\(words)")
        }
    }
}

extension String {
    /// `http://…` as `webhdfs://…`, `https://…` as `swebhdfs://…`.
    fileprivate func replacingScheme(_ prefix: String, _ scheme: String) -> String {
        hasPrefix("https://") ? "s" + prefix + scheme + dropFirst(5) : prefix + scheme + dropFirst(4)
    }
}
