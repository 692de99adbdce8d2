import Base

/// How two versions of a text differ, line by line.
enum LineDiff {
    /// Longest JSON document that is laid out again before its lines are compared.
    static let jsonLimit = 32 << 20

    /// Lines added, removed and changed.
    static func compare(_ old: ContentSource, _ new: ContentSource) throws -> RowChanges {
        RowChanges(old: try hashes(old), new: try hashes(new))
    }

    /// The same for JSON documents laid out a value a line, so that white space does not count.
    ///
    /// - Throws: `NotReadable` for what is no JSON or too long.
    static func compareJSON(_ old: ContentSource, _ new: ContentSource) throws -> RowChanges {
        func layOut(_ source: ContentSource) throws -> ContentSource {
            guard let bytes = try source.readAll(limit: jsonLimit) else { throw NotReadable("it is too long") }
            guard let document = try? JSON(parsing: bytes) else { throw NotReadable("it is no JSON") }
            return ContentSource(Array(document.pretty().utf8))
        }
        return try compare(layOut(old), layOut(new))
    }

    private static func hashes(_ source: ContentSource) throws -> [RowHash] {
        var hashes: [RowHash] = []
        try source.forEachLine { hashes.append(RowHash($0)) }
        return hashes
    }
}
