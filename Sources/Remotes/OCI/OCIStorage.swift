import Base
import Glibc

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
            try putEmptyConfiguration(item.key)
            let file = try FileHandle(reading: item.file)
            let size = try file.status().size
            let digest = try "sha256:" + HTTPBody.file(file, 0..<size).digest().hex
            try OCIUpload(access: access, digest: digest, size: size, key: item.key) {
                try file.read(count: $1, at: $0)
            }.run()
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
            let answer = try access.send(PatientRequest(alsoPassing: OCIStorage.isBetweenWriters)) {
                HTTPRequest(
                    method: "PUT", url: self.access.address("manifests/" + tag),
                    headers: ["Content-Type: \(OCIStorage.manifestType)"], body: Array(manifest.compact().utf8))
            }
            try access.require(answer, [201], "write", item.key)
        }
    }

    /// Whether a registry refused a manifest because somebody else is linking the same blob into the repository at this
    /// moment: distribution 2.8 empties a link before it writes it, and reads an empty one as a wrong digest.
    private static let isBetweenWriters: @Sendable (HTTPRequest.Answer) -> Bool = { answer in
        guard [400, 404].contains(answer.status), let document = try? JSON(parsing: answer.body) else { return false }
        let codes = document["errors"]?.arrayValue?.compactMap { $0["code"]?.stringValue } ?? []
        return codes.contains { ["DIGEST_INVALID", "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"].contains($0) }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        guard let layer = try settledLayer(key) else { throw MLError(.notFound, "\(name) has no '\(key)'") }
        let wanted = range ?? 0..<layer.size
        guard wanted.upperBound <= layer.size else {
            throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(wanted.upperBound)")
        }
        if wanted.isEmpty { return [] }
        let answer = try access.send {
            HTTPRequest(
                method: "GET", url: self.access.address("blobs/" + layer.digest),
                headers: ["Range: bytes=\(wanted.lowerBound)-\(wanted.upperBound - 1)"])
        }
        try access.require(answer, [200, 206], "read", key)
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
        var next: String? = access.address("tags/list") + "?n=1000"
        while let url = next {
            let answer = try access.send { HTTPRequest(method: "GET", url: url) }
            // A repository begins to exist with its first manifest.
            if answer.status == 404 { break }
            try access.require(answer, [200], "list", prefix)
            let tags = try JSON(parsing: answer.body)["tags"]?.arrayValue ?? []
            found += tags.compactMap { $0.stringValue.flatMap { OCIKey.key($0) } }
            next = answer.headers["link"].flatMap { OCIStorage.next($0, base: access.base) }
        }
        return found.filter { $0.hasPrefix(prefix) }.sorted()
    }

    public func delete(_ key: String) throws {
        guard let layer = try layer(key, fresh: true) else { return }
        let answer = try access.send {
            HTTPRequest(method: "DELETE", url: self.access.address("manifests/" + layer.manifest))
        }
        _ = mutex.withLock { known.removeValue(forKey: key) }
        if answer.status == 405 || answer.status == 400 {
            throw MLError(
                .failed, "\(name) does not delete (\(answer.status))",
                hint: "whoever runs the registry can allow it (distribution: 'storage.delete.enabled')")
        }
        try access.require(answer, [200, 202, 404], "delete", key)
    }

    /// The two bytes that every manifest of ours names as its configuration.
    private func putEmptyConfiguration(_ key: String) throws {
        if mutex.withLock({ known[""] != nil }) { return }
        let digest = OCIStorage.emptyDigest
        try OCIUpload(access: access, digest: digest, size: 2, key: key) { _, _ in Array("{}".utf8) }.run()
        mutex.withLock { known[""] = Layer(digest: digest, size: 2, manifest: "") }
    }

    // MARK: - Reading

    /// What is asked for by name was listed: a registry that keeps tags in files (distribution does) has none for the moment in
    /// which somebody else puts the same tag again.
    private func settledLayer(_ key: String) throws -> Layer? {
        for pause in [20_000, 80_000, 320_000] as [UInt32] {
            if let layer = try layer(key) { return layer }
            usleep(pause)
        }
        return try layer(key)
    }

    private func layer(_ key: String, fresh: Bool = false) throws -> Layer? {
        if !fresh, let layer = mutex.withLock({ known[key] }) { return layer }
        let tag = try tag(key)
        let answer = try access.send {
            HTTPRequest(
                method: "GET", url: self.access.address("manifests/" + tag),
                headers: ["Accept: \(OCIStorage.manifestType)"])
        }
        if answer.status == 404 { return nil }
        try access.require(answer, [200], "look at", key)
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

    /// The address of the next page (RFC 8288): `<…>; rel="next"`.
    private static func next(_ link: String, base: String) -> String? {
        guard link.contains("rel=\"next\""), let open = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">")
        else {
            return nil
        }
        let place = String(link[link.index(after: open)..<end])
        return place.hasPrefix("/") ? base + place : place
    }
}
