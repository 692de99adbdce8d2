import Base

/// A blob as manifests and indexes name it (OCI image specification 1.1, "Content Descriptors").
public struct OCIDescriptor: Hashable, Sendable {
    public var mediaType: String
    public var digest: ObjectID
    public var size: Int64
    public var annotations: JSONObject = [:]
    /// What a manifest is of, when it is no image.
    public var artifactType: String?

    public init(mediaType: String, digest: ObjectID, size: Int64) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }

    public var json: JSON {
        var out: JSONObject = [
            "mediaType": .string(mediaType), "digest": .string("sha256:" + digest.hex), "size": .integer(size),
        ]
        if let artifactType { out["artifactType"] = .string(artifactType) }
        if !annotations.isEmpty { out["annotations"] = .object(annotations) }
        return .object(out)
    }
}

/// What a layer of a file system holds at a path.
public struct OCIEntry: Sendable {
    public enum Content: Sendable {
        case folder
        case bytes([UInt8], isExecutable: Bool)
        /// The first so many bytes of a file.
        case file(String, size: Int64, isExecutable: Bool)
    }

    /// Relative to the root.
    public var path: String
    public var content: Content

    public init(_ path: String, _ content: Content) {
        self.path = path
        self.content = content
    }
}

/// An OCI image layout (image specification 1.1): a folder of blobs by their hash, and an index of what they are.
///
/// Nothing in it depends on when, where or by whom it is written.
public struct OCILayout: Sendable {
    public static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    public static let configurationType = "application/vnd.oci.image.config.v1+json"
    private static let indexType = "application/vnd.oci.image.index.v1+json"
    private static let tagKey = "org.opencontainers.image.ref.name"

    public let folder: String

    /// Opens or makes a layout.
    ///
    /// - Throws: `MLError(.conflict)` for a folder that holds something else.
    public init(_ folder: String) throws {
        self.folder = folder
        let mark = folder + "/oci-layout"
        if !Files.exists(mark) {
            if Files.exists(folder), try !Files.isDirectory(folder) || !Files.list(folder).isEmpty {
                throw MLError(.conflict, "'\(folder)' is there and is no image layout", hint: "name a new folder")
            }
            try Files.makeDirectories(folder + "/blobs/sha256")
            try Files.writeAtomically(
                (["imageLayoutVersion": "1.0.0"] as JSON).compact(), to: mark)
        }
    }

    public func path(of digest: ObjectID) -> String { "\(folder)/blobs/sha256/\(digest.hex)" }

    /// Adds a blob.
    public func add(_ bytes: [UInt8], _ mediaType: String) throws -> OCIDescriptor {
        let digest = ObjectID.of(bytes)
        if !Files.exists(path(of: digest)) { try Files.writeAtomically(bytes, to: path(of: digest)) }
        return OCIDescriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
    }

    /// Adds a layer of a file system: a tar of the entries in their order, all of root's.
    ///
    /// - Parameters:
    ///   - time: of all entries.
    ///   - compression: none, gzip or zstd.
    ///   - mediaType: without the compression's suffix.
    /// - Returns: the layer as it is stored, and the hash of the tar itself (its "DiffID").
    public func addLayer(
        _ entries: [OCIEntry], time: Timestamp, compression: ArchiveFormat.Compression,
        mediaType: String = "application/vnd.oci.image.layer.v1.tar"
    ) throws -> (layer: OCIDescriptor, diffID: ObjectID) {
        let plain = Files.temporaryName(beside: path(of: .zero))
        let packed = Files.temporaryName(beside: path(of: .zero))
        defer {
            try? Files.remove(plain)
            try? Files.remove(packed)
        }
        do {
            let file = try FileHandle(creating: plain)
            let writer = try ArchiveWriter(file, format: try ArchiveFormat(named: "tar"), time: time)
            for entry in entries { try OCILayout.add(entry, to: writer) }
            try writer.finish()
            try file.close()
        }
        let diffID = try ObjectID.ofFile(plain)
        let suffix: String
        var digest = diffID
        switch compression {
        case .none: suffix = ""
        case .gzip, .zstd:
            suffix = compression == .gzip ? "+gzip" : "+zstd"
            let file = try FileHandle(creating: packed)
            try CompressedCopy.write(FileHandle(reading: plain), to: file, compression)
            try file.close()
            digest = try ObjectID.ofFile(packed)
        case .xz, .bzip2: throw MLError(.usage, "layers are packed with gzip, zstd or not at all")
        }
        try Files.rename(compression == .none ? plain : packed, to: path(of: digest))
        let size = Files.status(path(of: digest))?.size ?? 0
        return (OCIDescriptor(mediaType: mediaType + suffix, digest: digest, size: size), diffID)
    }

    private static func add(_ entry: OCIEntry, to writer: ArchiveWriter) throws {
        switch entry.content {
        case .folder: try writer.add(entry.path, .folder) { _ in }
        case .bytes(let bytes, let isExecutable):
            try writer.add(entry.path, .file(size: Int64(bytes.count), isExecutable: isExecutable)) { send in
                try bytes.withUnsafeBytes { try send($0) }
            }
        case .file(let path, let size, let isExecutable):
            let file = try FileHandle(reading: path)
            try writer.add(entry.path, .file(size: size, isExecutable: isExecutable)) { send in
                var left = size
                try file.forEachPiece { piece in
                    let part = UnsafeRawBufferPointer(rebasing: piece.prefix(Int(min(left, Int64(piece.count)))))
                    left -= Int64(part.count)
                    try send(part)
                }
            }
        }
    }

    /// Names a manifest in the index, instead of what had the same tag.
    public func tag(_ manifest: OCIDescriptor, _ tag: String, platform: JSON? = nil) throws {
        let place = folder + "/index.json"
        var others: [JSON] = []
        if Files.exists(place) {
            others = try JSON(parsing: Files.read(place))["manifests"]?.arrayValue ?? []
            others.removeAll { $0["annotations"]?[OCILayout.tagKey] == .string(tag) }
        }
        var entry = manifest
        entry.annotations[OCILayout.tagKey] = .string(tag)
        var json = entry.json.objectValue ?? [:]
        if let platform { json["platform"] = platform }
        let index: JSON = [
            "schemaVersion": 2, "mediaType": .string(OCILayout.indexType),
            "manifests": .array(others + [.object(json)]),
        ]
        try Files.writeAtomically(index.compact(), to: place)
    }

    /// The layout as one tar ("oci-archive"), files in the order of their names.
    public func pack(_ target: String, time: Timestamp) throws {
        let temporary = Files.temporaryName(beside: target)
        do {
            let file = try FileHandle(creating: temporary)
            let writer = try ArchiveWriter(file, format: try ArchiveFormat(named: "tar"), time: time)
            try writer.add("blobs", .folder) { _ in }
            try writer.add("blobs/sha256", .folder) { _ in }
            let blobs = try Files.list(folder + "/blobs/sha256").sorted().map { "blobs/sha256/" + $0 }
            for name in blobs + ["index.json", "oci-layout"] {
                let size = Files.status(folder + "/" + name)?.size ?? 0
                try OCILayout.add(
                    OCIEntry(name, .file(folder + "/" + name, size: size, isExecutable: false)), to: writer)
            }
            try writer.finish()
            try file.synchronize()
            try file.close()
            try Files.rename(temporary, to: target)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }
}
