import Base

/// A container registry as remote (OCI distribution specification 1.1): each key is a tag of an image manifest whose only
/// layer is the content.
public final class OCIStorage: Storage, @unchecked Sendable {
    private let access: OCIAccess
    private let mutex = Mutex()
    private var known: [String: Layer] = [:]

    /// Where a key's bytes are.
    private struct Layer {
        var digest: String
        var size: Int64
        /// The manifest's own digest.
        var manifest: String
    }

    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    private static let artifactType = "application/vnd.git-ml.file.v1"
    /// The empty configuration that every artifact may use (image specification 1.1, "Guidance for an empty descriptor").
    private static let emptyType = "application/vnd.oci.empty.v1+json"
    private static let emptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    /// Uploads longer than this go in parts, so that a cut line costs one part.
    private static let partLength = 16 << 20

    /// - Parameter url: `oci://registry[:port]/name`.
    /// - Throws: `MLError(.invalidInput)`.
    public init(url: String) throws {
        let rest = url.dropFirst("oci://".count)
        let registry = rest.prefix { $0 != "/" }
        let name = rest.dropFirst(registry.count + 1)
        // The grammar of repository names, without its length.
        let isName = name.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || "._-/".contains($0) }
        guard !registry.isEmpty, !registry.contains("@"), !name.isEmpty, isName, !name.hasPrefix("/"),
            !name.hasSuffix("/")
        else {
            throw MLError(
                .invalidInput, "'\(URLText.withoutCredentials(url))' names no repository of a registry",
                hint: "write oci://registry/name, in small letters; 'docker login' keeps the credentials")
        }
        access = OCIAccess(registry: String(registry), repository: String(name))
    }

    public var name: String { access.name }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            let tag = try tag(item.key)
            if try layer(item.key) != nil { continue }
            try putEmptyConfiguration()
            let file = try FileHandle(reading: item.file)
            let size = try file.status().size
            var hasher = SHA256Hasher()
            try file.forEachPiece { hasher.update($0) }
            let digest = "sha256:" + hasher.finish().hex
            try upload(file, size, digest, item.key)
            // The key among the annotations makes manifests of equal contents differ: each is deleted by its digest.
            let manifest: JSON = [
                "schemaVersion": 2, "mediaType": .string(OCIStorage.manifestType),
                "artifactType": .string(OCIStorage.artifactType),
                "config": [
                    "mediaType": .string(OCIStorage.emptyType), "digest": .string(OCIStorage.emptyDigest), "size": 2,
                ],
                "layers": [
                    [
                        "mediaType": "application/octet-stream", "digest": .string(digest), "size": .integer(size),
                    ]
                ],
                "annotations": ["org.opencontainers.image.title": .string(item.key)],
            ]
            let answer = try access.send {
                HTTPRequest(
                    method: "PUT", url: self.address("manifests/" + tag),
                    headers: ["Content-Type: \(OCIStorage.manifestType)"], body: Array(manifest.compact().utf8))
            }
            try require(answer, [201], "write", item.key)
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        guard let layer = try layer(key) else { throw MLError(.notFound, "\(name) has no '\(key)'") }
        let wanted = range ?? 0..<layer.size
        guard wanted.upperBound <= layer.size else {
            throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(wanted.upperBound)")
        }
        if wanted.isEmpty { return [] }
        let answer = try access.send {
            HTTPRequest(
                method: "GET", url: self.address("blobs/" + layer.digest),
                headers: ["Range: bytes=\(wanted.lowerBound)-\(wanted.upperBound - 1)"])
        }
        try require(answer, [200, 206], "read", key)
        // A registry may ignore the range and send everything.
        let body = answer.status == 200 ? answer.body.dropFirst(Int(wanted.lowerBound)) : answer.body[...]
        guard body.count >= wanted.count else {
            throw MLError(.io, "\(name) sent \(body.count) bytes of '\(key)' instead of \(wanted.count)")
        }
        let bytes = Array(body.prefix(wanted.count))
        if wanted.count == Int(layer.size) {
            guard "sha256:" + ObjectID.of(bytes).hex == layer.digest else {
                throw MLError(.corrupt, "'\(key)' on \(name) does not have the digest it is listed with")
            }
        }
        return bytes
    }

    public func size(of key: String) throws -> Int64? { try layer(key)?.size }

    public func list(_ prefix: String) throws -> [String] {
        var found: [String] = []
        var next: String? = address("tags/list") + "?n=1000"
        while let url = next {
            let answer = try access.send { HTTPRequest(method: "GET", url: url) }
            // A repository begins to exist with its first manifest.
            if answer.status == 404 { break }
            try require(answer, [200], "list", prefix)
            let tags = try JSON(parsing: answer.body)["tags"]?.arrayValue ?? []
            found += tags.compactMap { $0.stringValue.flatMap { OCIKey.key($0) } }
            next = answer.headers["link"].flatMap { OCIStorage.next($0, base: access.base) }
        }
        return found.filter { $0.hasPrefix(prefix) }.sorted()
    }

    public func delete(_ key: String) throws {
        guard let layer = try layer(key, fresh: true) else { return }
        let answer = try access.send {
            HTTPRequest(method: "DELETE", url: self.address("manifests/" + layer.manifest))
        }
        _ = mutex.withLock { known.removeValue(forKey: key) }
        if answer.status == 405 || answer.status == 400 {
            throw MLError(
                .failed, "\(name) does not delete (\(answer.status))",
                hint: "whoever runs the registry can allow it (distribution: 'storage.delete.enabled')")
        }
        try require(answer, [200, 202, 404], "delete", key)
    }

    // MARK: - Uploads

    /// Puts a blob unless the repository has it: in one request, or in parts when it is long.
    private func upload(_ file: FileHandle, _ size: Int64, _ digest: String, _ key: String) throws {
        if try access.send({ HTTPRequest(method: "HEAD", url: self.address("blobs/" + digest)) }).status == 200 {
            return
        }
        let begun = try access.send { HTTPRequest(method: "POST", url: self.address("blobs/uploads/"), body: []) }
        try require(begun, [202], "begin to write", key)
        var place = try location(begun, key)
        var position: Int64 = 0
        while size - position > Int64(OCIStorage.partLength) {
            let part = position..<position + Int64(OCIStorage.partLength)
            let bytes = try file.read(count: OCIStorage.partLength, at: position)
            let answer = try access.send {
                HTTPRequest(
                    method: "PATCH", url: place,
                    headers: [
                        "Content-Type: application/octet-stream",
                        "Content-Range: \(part.lowerBound)-\(part.upperBound - 1)",
                    ], body: bytes)
            }
            // 416: the part had arrived before its answer was lost, and was sent again.
            if answer.status == 416 {
                let state = try access.send { HTTPRequest(method: "GET", url: place) }
                let end = state.headers["range"]?.split(separator: "-").last.flatMap { Int64($0) }
                guard end == part.upperBound - 1 else { try require(answer, [202], "write", key); return }
                place = try location(state, key)
            } else {
                try require(answer, [202], "write", key)
                place = try location(answer, key)
            }
            position = part.upperBound
        }
        let rest = try file.read(count: Int(size - position), at: position)
        let answer = try access.send {
            HTTPRequest(
                method: "PUT",
                url: place + (place.contains("?") ? "&" : "?") + "digest=" + PercentEncoding.encode(digest),
                headers: ["Content-Type: application/octet-stream"], body: rest)
        }
        try require(answer, [201], "write", key)
    }

    private func putEmptyConfiguration() throws {
        if mutex.withLock({ known[""] != nil }) { return }
        let digest = OCIStorage.emptyDigest
        if try access.send({ HTTPRequest(method: "HEAD", url: self.address("blobs/" + digest)) }).status != 200 {
            let begun = try access.send { HTTPRequest(method: "POST", url: self.address("blobs/uploads/"), body: []) }
            try require(begun, [202], "begin to write", "configuration")
            let place = try location(begun, "configuration")
            let answer = try access.send {
                HTTPRequest(
                    method: "PUT",
                    url: place + (place.contains("?") ? "&" : "?") + "digest=" + PercentEncoding.encode(digest),
                    headers: ["Content-Type: application/octet-stream"], body: Array("{}".utf8))
            }
            try require(answer, [201], "write", "configuration")
        }
        mutex.withLock { known[""] = Layer(digest: digest, size: 2, manifest: "") }
    }

    private func location(_ answer: HTTPRequest.Answer, _ key: String) throws -> String {
        guard let place = answer.headers["location"], !place.isEmpty else {
            throw MLError(.invalidInput, "\(name) names no place to write '\(key)' to")
        }
        return place.hasPrefix("/") ? access.base + place : place
    }

    // MARK: - Reading

    private func layer(_ key: String, fresh: Bool = false) throws -> Layer? {
        if !fresh, let layer = mutex.withLock({ known[key] }) { return layer }
        let tag = try tag(key)
        let answer = try access.send {
            HTTPRequest(
                method: "GET", url: self.address("manifests/" + tag), headers: ["Accept: \(OCIStorage.manifestType)"])
        }
        if answer.status == 404 { return nil }
        try require(answer, [200], "look at", key)
        guard let document = try? JSON(parsing: answer.body), let layers = document["layers"]?.arrayValue,
            layers.count == 1, let digest = layers[0]["digest"]?.stringValue, digest.hasPrefix("sha256:"),
            let size = layers[0]["size"]?.intValue, size >= 0
        else { throw MLError(.corrupt, "tag '\(tag)' of \(name) is none of git-ml's") }
        let layer = Layer(
            digest: digest, size: Int64(size), manifest: "sha256:" + ObjectID.of(answer.body).hex)
        mutex.withLock { known[key] = layer }
        return layer
    }

    private func tag(_ key: String) throws -> String {
        guard let tag = OCIKey.tag(key) else { throw MLError(.invalidInput, "'\(key)' is no valid key for \(name)") }
        return tag
    }

    private func address(_ path: String) -> String { "\(access.base)/v2/\(access.repository)/\(path)" }

    /// The address of the next page (RFC 8288): `<…>; rel="next"`.
    private static func next(_ link: String, base: String) -> String? {
        guard link.contains("rel=\"next\""), let open = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">")
        else {
            return nil
        }
        let place = String(link[link.index(after: open)..<end])
        return place.hasPrefix("/") ? base + place : place
    }

    private func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ verb: String, _ key: String) throws {
        if expected.contains(answer.status) { return }
        let words = (try? JSON(parsing: answer.body))?["errors"]?.arrayValue?.first?["message"]?.stringValue ?? ""
        let said = words.isEmpty ? "" : ": \(words)"
        switch answer.status {
        case 401, 403: throw access.refused("cannot \(verb) '\(key)' (\(answer.status))\(said)")
        case 404: throw MLError(.notFound, "\(name) has no '\(key)'\(said)")
        default: throw MLError(.io, "\(name) answered \(answer.status) to: \(verb) '\(key)'\(said)")
        }
    }
}
