import Base

/// `registry[:port]/name[:tag]`, as images are called.
public struct OCIReference: Sendable {
    public var registry: String
    public var repository: String
    /// nil when it names none.
    public var tag: String?

    /// - Throws: `MLError(.invalidInput)`.
    public init(_ text: String) throws {
        let rest = text.hasPrefix("oci://") ? String(text.dropFirst("oci://".count)) : text
        let registry = rest.prefix { $0 != "/" }
        var name = rest.dropFirst(registry.count + 1)
        if let colon = name.lastIndex(of: ":") {
            tag = String(name[name.index(after: colon)...])
            name = name[..<colon]
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        // The grammar of the distribution specification 1.1: separators stand between letters or digits.
        let isName = parts.allSatisfy { part in
            part.first.map(OCIReference.isPlain) == true && part.last.map(OCIReference.isPlain) == true
                && part.allSatisfy { OCIReference.isPlain($0) || "._-".contains($0) }
        }
        let isTag =
            tag.map { tag in
                let bytes = Array(tag.utf8)
                return (1...128).contains(bytes.count)
                    && bytes.allSatisfy {
                        (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 95
                            || $0 == 46 || $0 == 45
                    } && bytes[0] != 46 && bytes[0] != 45
            } ?? true
        // As docker: a name without a dot, a port or 'localhost' in front would be Docker Hub's.
        guard registry.contains(where: { ".:".contains($0) }) || registry == "localhost", !registry.contains("@"),
            isName, isTag
        else {
            throw MLError(
                .invalidInput, "'\(text)' names no image of a registry",
                hint: "write registry.example.org/name:tag, the name in small letters")
        }
        self.registry = String(registry)
        repository = String(name)
    }

    private static func isPlain(_ character: Character) -> Bool {
        ("a"..."z").contains(character) || ("0"..."9").contains(character)
    }
}

/// Images and artifacts in a repository of a registry (OCI distribution specification 1.1).
public struct OCIImages: Sendable {
    private let access: OCIAccess
    private let tag: String

    public init(_ reference: OCIReference) {
        access = OCIAccess(registry: reference.registry, repository: reference.repository)
        tag = reference.tag ?? "latest"
    }

    /// Puts a blob, unless the repository has it.
    ///
    /// - Throws: `MLError`; the registry checks the digest.
    public func put(_ path: String, _ digest: ObjectID, _ size: Int64) throws {
        let file = try FileHandle(reading: path)
        try OCIUpload(access: access, digest: "sha256:" + digest.hex, size: size, key: digest.hex) {
            try file.read(count: $1, at: $0)
        }.run()
    }

    /// Puts a manifest under the reference's tag, once all it names is there.
    public func put(manifest: [UInt8], _ mediaType: String) throws {
        let answer = try access.send {
            HTTPRequest(
                method: "PUT", url: self.access.address("manifests/" + self.tag),
                headers: ["Content-Type: " + mediaType], body: manifest)
        }
        try access.require(answer, [201], "write", tag)
    }
}
